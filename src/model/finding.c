/* Finding: see finding.h. */
#include <remote-developer/finding.h>

#include <remote-developer/strings.h>

#include <stdarg.h>

#define FINDING_FIELD(name, kind, words) { #name, kind, offsetof(Finding, name), 0, words }

const char *const finding_state_words[] = {
        [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error", NULL,
};

static const JsonField finding_fields[] = {
        FINDING_FIELD(check, JSON_STRING, NULL),
        FINDING_FIELD(state, JSON_ENUM, finding_state_words),
        FINDING_FIELD(message, JSON_STRING, NULL),
        FINDING_FIELD(remedy, JSON_STRING, NULL),
};

static void finding_done(Finding *f) {
        free(f->check);
        free(f->message);
        free(f->remedy);
        *f = (Finding){};
}

void finding_list_done(FindingList *l) {
        for (size_t i = 0; i < l->n; i++)
                finding_done(&l->items[i]);
        l->n = 0;
}

/* What other programs said may be several lines: it is to be one here. */
static void tidy(char *text) {
        if (strlen(text) > FINDING_TEXT_MAX)
                text[FINDING_TEXT_MAX] = 0;
        for (char *c = text; *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f)
                        *c = ' ';
        for (size_t n = strlen(text); n > 0 && text[n - 1] == ' ';)
                text[--n] = 0;
}

/* Takes what it owns. */
static void add(FindingList *l, Finding *f) {
        if (l->n == FINDINGS_MAX || !f->check || !f->message || f->state < 0) {
                finding_done(f);
                return;
        }
        tidy(f->message);
        l->items[l->n++] = *f;
}

void finding_add(FindingList *l, const char *check, FindingState state, const char *remedy, const char *format, ...) {
        Finding f = { .check = strdup(check), .state = (int) state };
        va_list ap;

        if (remedy)
                f.remedy = strdup(remedy);
        va_start(ap, format);
        if (vasprintf(&f.message, format, ap) < 0)
                f.message = NULL;
        va_end(ap);
        add(l, &f);
}

bool finding_list_has_error(const FindingList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].state == FINDING_ERROR)
                        return true;
        return false;
}

int finding_list_to_json(const FindingList *l, Json **ret) {
        _cleanup_json_ Json *array = json_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < l->n; i++) {
                Json *j = json_new_object();

                r = j ? json_write_fields(j, finding_fields, ELEMENTSOF(finding_fields), true, &l->items[i]) : -ENOMEM;
                if (r < 0)
                        json_free(j);
                else
                        r = json_push(array, j);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

int finding_list_take_json(FindingList *l, const Json *array, Problem *problem) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(array); i++) {
                Finding f = { .state = -1 };

                r = json_read_fields(json_at(array, i), finding_fields, ELEMENTSOF(finding_fields), true, &f, problem);
                if (r < 0)
                        finding_done(&f);
                else
                        add(l, &f);
        }
        return r;
}

void finding_list_print(const FindingList *l, FILE *to) {
        for (size_t i = 0; i < l->n; i++) {
                const Finding *f = &l->items[i];

                fprintf(to, "%-8s %-14s %s\n", finding_state_words[f->state], f->check, f->message);
                if (f->remedy)
                        fprintf(to, "         %-14s   (use \"%s\")\n", "", f->remedy);
        }
}
