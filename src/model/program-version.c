/* ProgramVersion: see program-version.h. */
#include <remote-developer/program-version.h>

#include <stdio.h>
#include <string.h>

/* So many digits cannot overflow; a date in their place is still a number. */
#define DIGITS_MAX 9

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static const char *take_number(const char *s, unsigned *ret) {
        unsigned number = 0;

        for (size_t n = 0; is_digit(*s); s++, n++)
                if (n < DIGITS_MAX)
                        number = number * 10 + (unsigned) (*s - '0');
        *ret = number;
        return s;
}

static const char *find_word(const char *s) {
        for (;; s += strspn(s, " \t\r\n(,:;")) {
                const char *digits = s + (*s == 'v');

                if (is_digit(*digits))
                        return digits;
                s += strcspn(s, " \t\r\n(,:;");
                if (*s == 0)
                        return NULL;
        }
}

int program_version_parse(const char *text, ProgramVersion *ret) {
        const char *s = find_word(text);
        ProgramVersion v = {};

        if (!s)
                return -EINVAL;
        for (size_t i = 0; i < PROGRAM_VERSION_NUMBERS && is_digit(*s); i++) {
                s = take_number(s, &v.numbers[i]);
                s += *s == '.';
        }
        *ret = v;
        return 0;
}

int program_version_compare(const ProgramVersion *a, const ProgramVersion *b) {
        for (size_t i = 0; i < PROGRAM_VERSION_NUMBERS; i++)
                if (a->numbers[i] != b->numbers[i])
                        return a->numbers[i] < b->numbers[i] ? -1 : 1;
        return 0;
}

const char *program_version_format(const ProgramVersion *v, char buffer[static PROGRAM_VERSION_TEXT_SIZE]) {
        size_t n = PROGRAM_VERSION_NUMBERS, at = 0;

        while (n > 1 && v->numbers[n - 1] == 0)
                n--;
        for (size_t i = 0; i < n; i++)
                at += (size_t) snprintf(buffer + at, PROGRAM_VERSION_TEXT_SIZE - at, "%s%u", i == 0 ? "" : ".",
                                        v->numbers[i]);
        return buffer;
}
