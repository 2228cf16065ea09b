/* Versions as programs say them. */
#include "../lib/tap.h"

#include <remote-developer/program-version.h>

static const struct {
        const char *said, *version; /* NULL: none */
} rows[] = {
        { "2.1.236 (Claude Code)\n", "2.1.236" },
        { "git version 2.39.5\n", "2.39.5" },
        { "git version 2.39.2 (Apple Git-143)\n", "2.39.2" },
        { "git version 2.50.0.windows.1\n", "2.50" },
        { "systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", "252" },
        { "systemd 258~rc1 (258~rc1-2)\n", "258" },
        { "gh version 2.23.0 (2023-02-27 Debian 2.23.0+dfsg1-1)\n", "2.23" },
        { "codex-cli 0.169.0\n", "0.169" },
        { "Client Version: v1.29.0\n", "1.29" },
        { "v0.5.20", "0.5.20" },
        { "1.0.0-beta.3", "1" },
        { "program(7.8)", "7.8" },
        { "1.", "1" },
        { "1.2.3.4", "1.2.3" },
        { "999999999999999999999999", "999999999" },
        { "", NULL },
        { "no number here", NULL },
        { "version x.y", NULL },
        { "a1.2 b3.4", NULL },
};

static void test_what_programs_say(void) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[PROGRAM_VERSION_TEXT_SIZE];
                ProgramVersion v = {};
                int r = program_version_parse(rows[i].said, &v);

                if (TAP_CHECK_INT(r, rows[i].version ? 0 : -EINVAL) && r == 0)
                        TAP_CHECK_STRING(program_version_format(&v, text), rows[i].version);
        }
}

static void test_older_and_newer(void) {
        static const char *const ascending[] = { "0.1", "1", "1.0.1", "1.2", "2.1.99", "2.1.236", "2.2", "10" };

        for (size_t i = 0; i < ELEMENTSOF(ascending); i++)
                for (size_t k = 0; k < ELEMENTSOF(ascending); k++) {
                        ProgramVersion a = {}, b = {};

                        TAP_CHECK_INT(program_version_parse(ascending[i], &a), 0);
                        TAP_CHECK_INT(program_version_parse(ascending[k], &b), 0);
                        TAP_CHECK_INT(program_version_compare(&a, &b), (i > k) - (i < k));
                }
}

static const TapTest tests[] = {
        { "what programs say", test_what_programs_say },
        { "older and newer", test_older_and_newer },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
