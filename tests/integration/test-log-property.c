/* A log has one content, whoever reads it, whenever, in however many pieces. A random log is written; random clients
 * read its stream over real sockets, hang up at any byte and come back with the last id they have, by header or query;
 * meanwhile the service is restarted, the journal rotated, the machine booted, the task attempted again. What each
 * client has in the end, all its connections taken together, is the log: no line missing, none twice; then the final
 * event, and 204 for whoever still comes back.
 *
 *         REMOTE_DEVELOPER_TEST_SEED=7     the first of the seeds, one a round; printed when something is wrong
 *         REMOTE_DEVELOPER_TEST_ROUNDS=500 so many of them */
#include "api-fixture.h"
#include "log-model.h"
#include "sse-client.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <stdlib.h>

#define DUE_USEC (8 * 86400 * USEC_PER_SEC) /* a day more than the configuration's default */

enum { ROUNDS = 6, STEPS = 120, CLIENTS = 5, RUNS_MAX = 4, TURNS_MAX = 20000, ALL_IDS_MAX = 150 };

typedef struct World World;

typedef struct Reader {
        World *world;
        unsigned number;
        SseClient client;
        size_t next;              /* the item that it must be told next */
        size_t place;             /* the one behind the item of its id */
        char id[LOG_CURSOR_SIZE]; /* "": none yet */
        unsigned life, attempt;   /* of the service and of the task when it connected */
        bool final, told_final;   /* in this connection; in an earlier one of this attempt */
        bool at_gap;              /* lines were dropped from the journal here */
} Reader;

struct World {
        ApiFixture api;
        LogModel model;
        Reader readers[CLIENTS];
        char (*ids)[LOG_CURSOR_SIZE]; /* of the items, when they are wanted */
        size_t ended[RUNS_MAX + 1]; /* how many items there were at the end of an attempt */
        unsigned life, n_ended;
        bool failed;
};

__attribute__((format(printf, 2, 3)))
static void wrong(Reader *r, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) >= 0 && !r->world->failed)
                tap_fail(__FILE__, __LINE__, "reader %u, item %zu of %zu: %s", r->number, r->next,
                         r->world->model.n, text);
        va_end(ap);
        r->world->failed = true;
}

/* --- what a reader is told --- */

/* Only what is gone may be passed over. That nothing is missing behind a line that is gone itself cannot be known. */
static void on_vacuumed(Reader *r) {
        const LogModel *m = &r->world->model;

        if (r->at_gap || m->kept < r->next || m->kept == 0 || r->next < m->archived)
                wrong(r, "a gap, though nothing is missing (archived to %zu, kept from %zu)", m->archived, m->kept);
        r->at_gap = true;
}

/* The log goes on with the first line of a file, which no other line equals. */
static void leave_gap(Reader *r, const Buffer *text) {
        const World *w = r->world;

        for (size_t i = r->next; i <= w->model.kept; i++)
                if (w->model.items[i].text.size == text->size &&
                    memcmp(w->model.items[i].text.data ?: "", text->data ?: "", text->size) == 0)
                        r->next = i;
        r->at_gap = false;
}

/* The next item, which must be of this kind. NULL: wrong, and said so. */
static const ModelItem *take_item(Reader *r, ModelKind kind) {
        const LogModel *m = &r->world->model;

        if (r->final)
                wrong(r, "an item behind the final event");
        if (r->next >= m->n)
                wrong(r, "an item that was never written");
        else if (m->items[r->next].kind != kind)
                wrong(r, "an item of kind %d, should be %d", (int) kind, (int) m->items[r->next].kind);
        return r->world->failed ? NULL : &m->items[r->next++];
}

static void check_text(Reader *r, const ModelItem *item, const Buffer *text) {
        if (text->size != item->text.size || memcmp(text->data ?: "", item->text.data ?: "", text->size) != 0)
                wrong(r, "the text before it is \"%.60s\" (%zu), should be \"%.60s\" (%zu)", text->data ?: "",
                      text->size, item->text.data ?: "", item->text.size);
}

static void take_id(Reader *r, const SseEvent *e) {
        if (!e->id || strlen(e->id) >= LOG_CURSOR_SIZE) {
                wrong(r, "no id, or none that can be one");
                return;
        }
        snprintf(r->id, sizeof(r->id), "%s", e->id);
        r->place = r->next;
        if (r->world->ids)
                memcpy(r->world->ids[r->next - 1], r->id, sizeof(r->id));
}

/* Text as it is; bytes that are none beside a text that stands for them. */
static void on_line(Reader *r, const SseEvent *e) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, bytes = BUFFER_NULL;
        const ModelItem *item;

        if (!TAP_CHECK(sse_string(e, "log", &text)))
                return;
        if (r->at_gap)
                leave_gap(r, &text);
        item = take_item(r, MODEL_LINE);
        if (!item)
                return;
        if (sse_bytes(e, "bytes", &bytes) && !(text.data && memmem(text.data, text.size, "\xef\xbf\xbd", 3)))
                wrong(r, "bytes beside a text that stands for itself");
        check_text(r, item, strstr(e->data, ", \"encoding\": \"base64\", ") ? &bytes : &text);
        take_id(r, e);
}

static void on_system(Reader *r, const SseEvent *e) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        const ModelItem *item = take_item(r, MODEL_SYSTEM);

        if (!item || !TAP_CHECK(sse_string(e, "system", &text)))
                return;
        check_text(r, item, &text);
        take_id(r, e);
}

static void on_gap(Reader *r, const SseEvent *e) {
        _cleanup_(buffer_done) Buffer reason = BUFFER_NULL;
        _cleanup_free_ char *lines = NULL;
        const ModelItem *item;

        if (e->id || !TAP_CHECK(sse_string(e, "reason", &reason))) {
                wrong(r, "a gap with an id, or without a reason");
                return;
        }
        if (string_equal(reason.data, "vacuumed")) {
                on_vacuumed(r);
                return;
        }
        item = take_item(r, MODEL_SUPPRESSED);
        lines = item ? string_format("\"lines\": %u,", item->dropped) : NULL;
        if (item && !strstr(e->data, lines))
                wrong(r, "the gap is of %s, but it is told %s", lines, e->data);
}

/* Whether an attempt ended behind that item. */
static bool is_an_end(const World *w, size_t item) {
        for (unsigned i = 0; i < w->n_ended; i++)
                if (w->ended[i] == item)
                        return true;
        return false;
}

static void on_final(Reader *r) {
        if (!is_an_end(r->world, r->next))
                wrong(r, "the final event before the last line");
        if (r->final || (r->told_final && *r->id))
                wrong(r, "a second final event");
        r->final = true;
}

static void on_event(SseClient *c, const SseEvent *e) {
        Reader *r = c->userdata;

        if (r->world->failed)
                return;
        if (string_equal(e->name, "gap"))
                on_gap(r, e);
        else if (string_equal(e->name, "system"))
                on_system(r, e);
        else if (!e->name && string_has_prefix(e->data, "{\"log\": "))
                on_line(r, e);
        else if (e->id)
                wrong(r, "an id with \"%s\"", e->data);
        else if (!e->name && strstr(e->data, "\"final\": true"))
                on_final(r);
}

/* --- what a reader does --- */

static void connect_reader(Reader *r, bool to_the_end) {
        _cleanup_free_ char *path = NULL, *header = NULL;
        bool by_header = log_model_chance(50);
        World *w = r->world;

        r->next = r->place;
        r->at_gap = r->final = false;
        r->told_final &= r->attempt == w->model.attempt;
        r->life = w->life;
        r->attempt = w->model.attempt;
        r->client.http.read_max = to_the_end || log_model_chance(50) ? 0 : 1 + log_model_any(300);
        r->client.hangs_up_after = to_the_end ? 0 : 1 + log_model_any(log_model_chance(50) ? 1500 : 40000);
        path = string_format("/api/task-logs/%s/stream%s%s", w->api.story.id, *r->id && !by_header ? "?after=" : "",
                             by_header ? "" : r->id);
        header = *r->id && by_header ? string_format("Last-Event-ID: %s\r\n", r->id) : NULL;
        sse_client_open(&r->client, &w->api.http, log_model_chance(50) ? HTTP_OVER_TCP : HTTP_OVER_UNIX, path, header);
}

/* Either side has hung up. */
static void leave(Reader *r) {
        const SseClient *c = &r->client;
        World *w = r->world;

        if (c->status == 204 && (!*r->id || !is_an_end(w, r->next)))
                wrong(r, "204, though not all was told");
        else if (c->status != 200 && c->status != 204 && c->status != 0)
                wrong(r, "status %u", c->status);
        else if (c->http.ended && c->status != 204 && !r->final && r->life == w->life &&
                 r->attempt == w->model.attempt)
                wrong(r, "the stream ended by itself without a final event");
        r->told_final |= r->final || c->status == 204;
        sse_client_close(&r->client);
}

static void step_reader(Reader *r, bool to_the_end) {
        bool served = r->world->api.http.port > 0;

        if (to_the_end)
                r->client.http.read_max = 0;
        if (r->client.open && sse_client_is_over(&r->client))
                leave(r);
        else if (!r->client.open && served && (to_the_end ? !r->told_final : log_model_chance(40)))
                connect_reader(r, to_the_end);
        else if (r->client.open && !to_the_end && log_model_chance(10))
                http_client_stop_reading(&r->client.http);
        else if (r->client.open && !sse_client_is_over(&r->client))
                http_client_read_on(&r->client.http);
}

/* --- what happens meanwhile --- */

static void turn(World *w) {
        for (unsigned n = log_model_any(8); n > 0; n--)
                TAP_CHECK(sd_event_run(w->api.story.event, log_model_chance(20) ? 5 * USEC_PER_MSEC : 0) >= 0);
}

/* The story's verbs wait for a loop that comes to rest, which a client that reads byte by byte keeps awake. */
static void pause_readers(World *w) {
        for (unsigned i = 0; i < CLIENTS; i++)
                if (w->readers[i].client.open)
                        http_client_stop_reading(&w->readers[i].client.http);
}

static bool run_attempt(World *w) {
        Story *s = &w->api.story;

        pause_readers(w);
        if (!TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return false;
        log_model_begin(&w->model, s);
        return true;
}

static bool end_attempt(World *w) {
        Story *s = &w->api.story;

        pause_readers(w);
        log_model_close_lines(&w->model);
        w->ended[w->n_ended] = w->model.n;
        w->n_ended++;
        fake_unit_end(story_unit(s), "exit-code", CLD_EXITED, 1);
        return TAP_CHECK(STORY_UNTIL(s, story_is_finished(s))) && TAP_CHECK(STORY_UNTIL(s, !story_unit(s)));
}

static void step_readers(World *w) {
        turn(w);
        for (unsigned i = 0; i < CLIENTS; i++)
                step_reader(&w->readers[i], false);
}

static bool archive(World *w) {
        Story *s = &w->api.story;

        pause_readers(w);
        story_settle(s);
        test_clock_advance(DUE_USEC);
        manager_monitor(s->manager);
        if (!TAP_CHECK(STORY_UNTIL(s, task_index_find(manager_index(s->manager), s->id)->archived)))
                return false;
        log_model_archive(&w->model);
        return true;
}

static bool attempt_again(World *w) {
        if (w->model.attempt == RUNS_MAX)
                return true;
        if (!end_attempt(w))
                return false;
        for (unsigned n = log_model_any(3); n > 0; n--)
                step_readers(w);
        if (log_model_chance(30) && w->model.kept == 0 && !archive(w))
                return false;
        pause_readers(w);
        return TAP_CHECK_INT(story_resume(&w->api.story), 0) && run_attempt(w);
}

/* What is written while it is away is read all the same. */
static bool restart(World *w) {
        w->life++;
        pause_readers(w);
        api_fixture_stop_service(&w->api);
        for (unsigned n = log_model_any(3); n > 0; n--) {
                log_model_write(&w->model, log_model_any(MODEL_BATCH_MAX));
                turn(w);
        }
        if (log_model_chance(30))
                log_model_rotate(&w->model);
        return api_fixture_start_service(&w->api);
}

static bool step(World *w) {
        unsigned what = log_model_any(100);

        step_readers(w);
        if (what < 40)
                log_model_write(&w->model, 1 + log_model_any(MODEL_BATCH_MAX));
        else if (what < 44)
                log_model_rotate(&w->model);
        else if (what < 46)
                log_model_reboot(&w->model);
        else if (what < 49)
                return restart(w);
        else if (what < 51)
                return attempt_again(w);
        return true;
}

/* --- the end --- */

static bool all_told(World *w) {
        bool all = true;

        for (unsigned i = 0; i < CLIENTS; i++)
                all &= w->readers[i].told_final && !w->readers[i].client.open;
        return all;
}

/* Each hangs up once more at its next chance, and then reads on to the final event. */
static void read_to_the_end(World *w) {
        for (unsigned turns = 0; turns < TURNS_MAX && !w->failed && !all_told(w); turns++) {
                for (unsigned i = 0; i < CLIENTS; i++)
                        step_reader(&w->readers[i], true);
                TAP_CHECK(sd_event_run(w->api.story.event, USEC_PER_MSEC) >= 0);
        }
        for (unsigned i = 0; i < CLIENTS && !w->failed; i++)
                if (!w->readers[i].told_final)
                        wrong(&w->readers[i], "the final event does not come");
}

/* One connection from there to its end; the status. */
static unsigned read_from(World *w, size_t item, const char *id) {
        Reader r = { .world = w, .number = 100, .place = item };
        unsigned status;

        r.client = (SseClient){ .on_event = on_event, .userdata = &r };
        snprintf(r.id, sizeof(r.id), "%s", id);
        connect_reader(&r, true);
        if (!STORY_UNTIL(&w->api.story, r.client.http.ended || w->failed))
                wrong(&r, "the stream does not end");
        status = r.client.status;
        if (status == 200 && !r.final)
                wrong(&r, "no final event");
        leave(&r);
        return status;
}

static void check_all_ids(World *w) {
        size_t n = w->model.n, every = 1 + n / ALL_IDS_MAX;

        for (size_t i = w->model.kept; i < n && !w->failed; i++)
                if (*w->ids[i] && (i % every == 0 || i + 1 == n))
                        TAP_CHECK_INT(read_from(w, i + 1, w->ids[i]), i + 1 == n ? 204 : 200);
}

/* Behind each line of the finished log comes exactly the rest, also after a restart and with all in an archive. */
static void resume_everywhere(World *w) {
        w->ids = calloc(w->model.n, LOG_CURSOR_SIZE);
        if (!TAP_CHECK(w->ids))
                return;
        TAP_CHECK_INT(read_from(w, 0, ""), 200);
        check_all_ids(w);
        api_fixture_stop_service(&w->api);
        w->life++;
        if (w->failed || !api_fixture_start_service(&w->api))
                return;
        check_all_ids(w);
        if (w->failed || w->model.kept > 0 || !archive(w))
                return;
        check_all_ids(w);
}

static bool begin(World *w) {
        static const unsigned rings[] = { 1, 3, 20, 1000 };

        if (!api_fixture_open(&w->api, true))
                return false;
        api_fixture_stop_service(&w->api);
        w->api.story.scope = log_model_chance(50) ? RUNTIME_SCOPE_SYSTEM : RUNTIME_SCOPE_USER;
        w->api.story.config.max_memory_logs = rings[log_model_any(ELEMENTSOF(rings))];
        if (!api_fixture_start_service(&w->api) || !api_create(&w->api, "{\"command\": [\"make\"]}") ||
            !run_attempt(w))
                return false;
        /* What was suppressed before a log began is not said in it. */
        log_model_write_number(&w->model);
        for (unsigned i = 0; i < CLIENTS; i++) {
                Reader *r = &w->readers[i];

                *r = (Reader){ .world = w, .number = i };
                r->client = (SseClient){ .on_event = on_event, .userdata = r };
        }
        return true;
}

static void done(World *w) {
        for (unsigned i = 0; i < CLIENTS; i++)
                sse_client_done(&w->readers[i].client);
        api_fixture_done(&w->api);
        log_model_done(&w->model);
        free(w->ids);
        *w = (World){};
}

static void run_round(unsigned seed) {
        static World w;
        unsigned failed = tap_state.failed, at = 0;
        bool good;

        srandom(seed);
        good = begin(&w);
        for (; good && !w.failed && at < STEPS; at++)
                good = step(&w);
        good = good && !w.failed && end_attempt(&w);
        if (good)
                read_to_the_end(&w);
        if (good && !w.failed)
                resume_everywhere(&w);
        if (tap_state.failed > failed)
                printf("# seed %u, step %u\n", seed, at);
        done(&w);
}

static void test_property(void) {
        uint64_t seed = (uint64_t) time(NULL) % 1000000, rounds = ROUNDS;
        unsigned failed = tap_state.failed;

        (void) string_to_uint64(getenv("REMOTE_DEVELOPER_TEST_SEED") ?: "", &seed);
        (void) string_to_uint64(getenv("REMOTE_DEVELOPER_TEST_ROUNDS") ?: "", &rounds);
        if (!story_has_journal())
                return;
        printf("# REMOTE_DEVELOPER_TEST_SEED=%llu\n", (unsigned long long) seed);
        for (uint64_t i = 0; i < rounds && tap_state.failed == failed; i++)
                run_round((unsigned) (seed + i));
}

static const TapTest tests[] = {
        { "whoever reads the log, however often cut off, has the log", test_property },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
