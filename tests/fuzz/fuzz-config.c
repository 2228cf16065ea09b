/* Any bytes as a configuration: they are read whole and right, or refused with a sentence and no other trace.
 *
 * Seeds are in corpus/config; what a fuzzer finds is added there, so that it stays found. */
#include "replay.h"

#include <remote-developer/config-key.h>

#define SENTENCE_MAX 1000

static uint64_t member_value(const Config *c, const ConfigKey *key) {
        const void *member = (const char *) c + key->offset;

        if (key->kind == CONFIG_SECONDS)
                return *(const usec_t *) member / USEC_PER_SEC;
        return *(const unsigned *) member;
}

static void check_steps(const RecipeStep *steps, size_t n) {
        assert(n <= RECIPE_STEPS_MAX);
        for (size_t i = 0; i < n; i++) {
                const RecipeStep *s = &steps[i];

                assert(!string_is_empty(s->status));
                assert(s->progress >= 1 && s->progress <= 99);
                assert(!string_is_empty(s->command[0]));
                assert(!s->when || recipe_find_placeholder(s->when, strlen(s->when)));
        }
}

/* What recipes use is known: with all values there, nothing is lacking. */
static void check_recipe(const Recipe *r) {
        RecipeValues all = {};

        for (size_t i = 0; i < RECIPE_PLACEHOLDERS; i++)
                *(const char **) ((char *) &all + recipe_placeholders[i].offset) = "v";
        assert(!string_is_empty(r->name));
        check_steps(r->steps, r->n_steps);
        assert(r->work.progress >= 1 && r->work.progress <= 99);
        assert(!r->work.command || !string_is_empty(r->work.command[0]));
        check_steps(r->reviews, r->n_reviews);
        assert(!recipe_lacks(r, &all));
}

static void check_accepted(const Config *c, const Problem *problem) {
        assert(problem->error == 0);
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++) {
                if (k->kind > CONFIG_DAYS)
                        continue;
                assert(member_value(c, k) >= k->min);
                assert(member_value(c, k) <= k->max);
        }
        assert(c->sse_timeout_usec > c->sse_heartbeat_interval_usec);
        assert(!string_is_empty(c->user));
        assert(c->orphaned_task_action <= ORPHANED_TASK_RESUME);
        assert(c->workspaces_directory && (!*c->workspaces_directory || *c->workspaces_directory == '/'));
        assert(c->n_recipes >= n_shipped_recipes);
        for (size_t i = 0; i < c->n_recipes; i++)
                check_recipe(&c->recipes[i]);
}

static void check_refused(int r, const Problem *problem) {
        assert(problem->error == r);
        assert(problem->sentence && string_has_prefix(problem->sentence, "fuzz"));
        assert(strlen(problem->sentence) <= SENTENCE_MAX);
        /* It goes into a log, where a line is a record, and to terminals, which obey control characters. */
        for (const char *p = problem->sentence; *p; p++) {
                assert((unsigned char) *p >= ' ' && *p != '\x7f');
                assert(*p != '\xc2' || (p[1] & 0xe0) != 0x80);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_done) Config c = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        Config before;
        int r;

        r = config_init(&c);
        assert(r == 0);
        memcpy(&before, &c, sizeof(c));

        r = config_read(&c, "fuzz", (const char *) data, size, &problem);
        if (r < 0) {
                check_refused(r, &problem);
                /* Not one byte of it was touched, not even the pointer to the user's name. */
                assert(memcmp(&before, &c, sizeof(c)) == 0);
        } else
                check_accepted(&c, &problem);
        return 0;
}

REPLAY_MAIN("config")
