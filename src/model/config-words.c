/* ConfigWords: what the sentences that refuse a configuration have to say beside the place: the user's own
 * text, made harmless, and what a name that is not in the table of keys was probably meant to be. Text and
 * tables of some 20 rows; no state, and no cost until something is wrong. */
#include <remote-developer/config-key.h>
#include <remote-developer/strings.h>

/* How much of a wrong name or value is repeated in a sentence: enough to find it, and far from
 * PROBLEM_VALUE_MAX even when each byte becomes an escape of six. */
#define QUOTE_MAX ((size_t) 32)

/* Names longer than this are not compared with ours, which have 26 letters at most. */
#define NAME_MAX_COMPARED 40

/* Of a UTF-8 sequence, not its first byte. */
static bool is_continuation(char c) {
        return (c & 0xc0) == 0x80;
}

/* JSON leaves DEL and the controls U+0080 to U+009F as they are, a terminal obeys them. */
static void mask_controls(char *text) {
        for (char *p = text; *p; p++)
                if (*p == '\x7f')
                        *p = '?';
                else if (*p == '\xc2' && (p[1] & 0xe0) == 0x80) {
                        p[0] = '?';
                        *++p = '?';
                }
}

char *config_key_quote(const char *text) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        char head[QUOTE_MAX + 1];
        size_t size = strnlen(text, sizeof(head));
        bool cut = size > QUOTE_MAX;

        if (cut)
                for (size = QUOTE_MAX; size > 0 && is_continuation(text[size]);)
                        size--;
        memcpy(head, text, size);
        head[size] = 0;
        mask_controls(head);

        if (buffer_append_json_string(&b, head, size) < 0)
                return NULL;
        if (cut && buffer_append_string(&b, "...") < 0)
                return NULL;
        return buffer_take(&b);
}

/* How many letters must be changed, put in or taken out to make one name of the other (Levenshtein). `row`
 * holds the distances of the part of `a` seen so far to every beginning of `b`. */
static size_t name_distance(const char *a, const char *b) {
        size_t row[NAME_MAX_COMPARED + 1], n = strlen(b);

        assert(n <= NAME_MAX_COMPARED);
        for (size_t i = 0; i <= n; i++)
                row[i] = i;

        for (size_t k = 1; *a; a++, k++) {
                size_t diagonal = row[0];

                row[0] = k;
                for (size_t i = 1; i <= n; i++) {
                        size_t changed = diagonal + (b[i - 1] != *a);

                        diagonal = row[i];
                        row[i] = MIN_OF(changed, MIN_OF(row[i - 1], row[i]) + 1);
                }
        }
        return row[n];
}

/* A slip in every fifth letter is a slip; more is another word. Remembers the best so far in *best. */
static bool is_nearer(const char *name, const char *candidate, size_t *best) {
        size_t distance;

        if (strlen(name) > NAME_MAX_COMPARED)
                return false;
        distance = name_distance(name, candidate);
        if (distance > 1 + strlen(candidate) / 5 || distance >= *best)
                return false;
        *best = distance;
        return true;
}

static const char *nearest_of(const char *const *names, size_t n, const char *name) {
        const char *nearest = NULL;
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < n; i++)
                if (is_nearer(name, names[i], &best))
                        nearest = names[i];
        return nearest;
}

int config_key_advise_among(const char *const *names, size_t n, const char *name, Buffer *to) {
        const char *nearest = nearest_of(names, n, name);
        int r;

        if (nearest)
                return buffer_append_format(to, "did you mean \"%s\"?", nearest);
        r = buffer_append_string(to, "there are");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = buffer_append_format(to, "%s %s", i > 0 ? "," : "", names[i]);
        return r;
}

/* The section that has a key of exactly this name, or NULL. */
static const char *section_of_key(const char *name) {
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++)
                if (string_equal(k->name, name))
                        return k->section;
        return NULL;
}

int config_key_advise(const char *section, const char *name, Buffer *to) {
        const char *elsewhere = section_of_key(name), *names[CONFIG_KEYS];
        size_t n = 0;

        if (elsewhere)
                return buffer_append_format(to, "it is a key of the section %s; %s it there", elsewhere,
                                            section ? "move" : "indent");
        if (!section)
                return config_key_advise_among(config_sections, CONFIG_SECTIONS, name, to);
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++)
                if (string_equal(k->section, section))
                        names[n++] = k->name;
        return config_key_advise_among(names, n, name, to);
}
