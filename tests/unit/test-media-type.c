/* What clients say that they accept: weights, ranges, and what is none of it. */
#include "../lib/tap.h"

#include <remote-developer/media-type.h>

enum { JSON, NDJSON, TEXT, NONE = -1 };

static const char *const types[] = { "application/json", "application/x-ndjson", "text/plain" };

static void test_choices(void) {
        static const struct {
                const char *accept;
                int choice;
        } rows[] = {
                { NULL, JSON }, { "", JSON }, { "  ", JSON }, { "*/*", JSON }, { "application/json", JSON },
                { "text/plain", TEXT }, { "TEXT/Plain", TEXT }, { "application/x-ndjson", NDJSON },
                { "text/*", TEXT }, { "application/*", JSON }, { "text/plain; charset=utf-8", TEXT },
                /* Browsers. */
                { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON },
                /* The one with the greater weight; ours of equal ones. */
                { "application/json;q=0.5, text/plain", TEXT }, { "text/plain;q=0.5,application/json;q=0.5", JSON },
                { "text/plain;q=0.501,application/json;q=0.5", TEXT },
                { "application/json ; q=0.2 , application/x-ndjson ; q=0.3", NDJSON },
                { "text/plain;q=0.9;level=1, */*;q=0.1", TEXT }, { "text/plain;level=1;q=0.05, */*;q=0.1", JSON },
                /* The most exact range says the weight. */
                { "application/json;q=0, */*", NDJSON }, { "application/*;q=0, */*;q=0.1", TEXT },
                { "application/*;q=0.9, application/json;q=0.1, text/*;q=0.5", NDJSON },
                { "*/*, application/json;q=0.1, application/x-ndjson;q=0.1", TEXT },
                /* None of ours. */
                { "image/png", NONE }, { "*/*;q=0", NONE }, { "text/plain;q=0", NONE }, { "text/html", NONE },
                { "text/plain;q=0.000", NONE },
                /* What is none is passed over. */
                { "text", NONE }, { "text/", NONE }, { "*", NONE }, { "*/plain", NONE }, { ",", NONE }, { ";", NONE },
                { "text/plainer", NONE }, { "tex/*", NONE }, { "text/plain;q=2, application/json;q=0.1", JSON },
                { "text/plain;q=1.001", NONE }, { "text/plain;q=.5", NONE }, { "text/plain;q=-1", NONE },
                { "text/plain;q=0.1234", NONE }, { "text/plain;q=", NONE }, { "text/plain;q=0,5", NONE },
                { "text/plain;;;", TEXT }, { ",,text/plain,,", TEXT }, { "\ttext/plain\t", TEXT },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int choice = media_type_choose(rows[i].accept, types, ELEMENTSOF(types));

                if (choice != rows[i].choice)
                        tap_fail(__FILE__, __LINE__, "%s is %d, should be %d", rows[i].accept, choice, rows[i].choice);
        }
}

static const TapTest tests[] = {
        { "choices", test_choices },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
