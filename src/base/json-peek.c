/* json_peek(): one member of a long line of JSON, without a tree of all the others. See json.h.
 *
 * The text is taken to be JSON: quotes are strings' ends unless a backslash is before them, and brackets outside of
 * strings nest. Of what is none, something may be found too; nothing is read behind its end. */
#include <remote-developer/json.h>

#include <remote-developer/strings.h>

/* Behind the string's closing quote; `s` is behind the opening one. NULL: there is none. */
static const char *skip_string(const char *s, const char *end) {
        for (const char *quote = s; (quote = memchr(quote, '"', (size_t) (end - quote))); quote++) {
                const char *p = quote;

                while (p > s && p[-1] == '\\')
                        p--;
                if ((quote - p) % 2 == 0)
                        return quote + 1;
        }
        return NULL;
}

static const char *skip_blanks(const char *s, const char *end) {
        while (s < end && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n'))
                s++;
        return s;
}

/* Behind a value: at the comma or bracket that ends it. NULL: it has no end. */
static const char *skip_value(const char *s, const char *end) {
        unsigned depth = 0;

        while (s && s < end) {
                char c = *s++;

                if (c == '"')
                        s = skip_string(s, end);
                else if (c == '{' || c == '[')
                        depth++;
                else if (c == ',' ? depth == 0 : (c == '}' || c == ']') && depth-- == 0)
                        return s - 1;
        }
        return NULL;
}

static bool take_text(const char *s, size_t n, char *ret, size_t size) {
        if (n >= size || memchr(s, '\\', n))
                return false;
        memcpy(ret, s, n);
        ret[n] = 0;
        return true;
}

static bool is_of_word(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

static bool take_scalar(const char *s, const char *end, char *ret, size_t size) {
        const char *behind = s;

        if (s < end && *s == '"') {
                behind = skip_string(s + 1, end);
                return behind && take_text(s + 1, (size_t) (behind - s) - 2, ret, size);
        }
        while (behind < end && is_of_word(*behind))
                behind++;
        /* At the end of the text it might go on. */
        return behind > s && behind < end && take_text(s, (size_t) (behind - s), ret, size);
}

/* Whether the name whose quotes are before `s` and at `behind` - 1 is `key`. */
static bool is_key(const char *s, const char *behind, const char *key) {
        size_t n = strlen(key);

        return (size_t) (behind - s) == n + 1 && memcmp(s, key, n) == 0;
}

bool json_peek(const char *data, size_t n, const char *key, char *ret, size_t size) {
        const char *end = data + n, *s = skip_blanks(data, end);

        if (s == end || *s != '{')
                return false;
        while (s && s < end && (*s == '{' || *s == ',')) {
                const char *name = skip_blanks(s + 1, end), *behind;

                behind = name < end && *name == '"' ? skip_string(name + 1, end) : NULL;
                s = behind ? skip_blanks(behind, end) : end;
                if (s == end || *s != ':')
                        return false;
                s = skip_blanks(s + 1, end);
                if (is_key(name + 1, behind, key))
                        return take_scalar(s, end, ret, size);
                s = skip_value(s, end);
        }
        return false;
}
