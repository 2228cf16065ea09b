/* Viewers against a model: a list of all lines ever written, of the program and of systemd. Lines short and long are
 * written, the journal is rotated, the service restarted, viewers of any sources come and go from anywhere and look
 * now and then; each must be given the very lines from where it began, each once. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

enum { STEPS = 1200, LINES_MAX = 20000, BATCH_MAX = 30, RING = 15 };

typedef struct Model {
        Viewing v;
        char *lines[LINES_MAX]; /* whole ones; owned */
        bool systems[LINES_MAX]; /* systemd's own */
        usec_t times[LINES_MAX];
        unsigned sources[VIEWERS_MAX];
        char cursors[LINES_MAX][LOG_LINE_CURSOR_SIZE]; /* "": nobody has seen the line yet */
        unsigned n, next[VIEWERS_MAX];
        Buffer begun; /* of a line that has not ended */
        unsigned file;
} Model;

static unsigned any(unsigned n) {
        return (unsigned) random() % n;
}

/* Ends the line that was begun, or is one by itself. */
static void add_line(Model *m, FixtureEntry *e, char *text) {
        if (m->n == LINES_MAX)
                return;
        e->goes_on = any(6) == 0;
        TAP_CHECK_INT(buffer_append_string(&m->begun, text), 0);
        if (e->goes_on)
                return;
        m->lines[m->n++] = buffer_take(&m->begun);
}

static void write_lines(Model *m) {
        FixtureEntry entries[BATCH_MAX] = {};
        char *texts[BATCH_MAX] = {};
        unsigned n = 1 + any(BATCH_MAX - 1);
        char file[16];

        for (unsigned i = 0; i < n; i++) {
                /* Now and then one that pushes most others out of the ring. */
                int width = any(100) == 0 ? 120000 : 0;

                texts[i] = string_format("%u.%u%*s", m->n, any(1000), width, "");
                entries[i] = (FixtureEntry){ texts[i] };
                if (any(10) == 0 && m->n < LINES_MAX) {
                        entries[i].kind = FIXTURE_MANAGER;
                        m->systems[m->n] = true;
                        m->lines[m->n++] = strdup(texts[i]);
                } else if (any(5) == 0)
                        entries[i] = (FixtureEntry){ texts[i], .unit = FIXTURE_OTHER_UNIT, .stream = 1 };
                else
                        add_line(m, &entries[i], texts[i]);
        }
        if (any(8) == 0)
                m->file++;
        snprintf(file, sizeof(file), "%06u", m->file);
        journal_fixture_append(&m->v.journal, file, entries, n);
        for (unsigned i = 0; i < n; i++)
                free(texts[i]);
}

static bool is_seen(const Model *m, unsigned i, unsigned at) {
        return m->sources[i] & LOG_SOURCES(m->systems[at] ? LOG_SOURCE_SYSTEM : LOG_SOURCE_STDOUT);
}

/* So many lines of those that the viewer sees before this one; a tail counts what the program wrote. */
static unsigned go_back(const Model *m, unsigned i, unsigned from, unsigned n, bool tail) {
        unsigned at = from;

        while (at > 0 && n > 0) {
                at--;
                n -= is_seen(m, i, at) && !(tail && m->systems[at]);
        }
        return at;
}

static void pass_unseen(Model *m, unsigned i) {
        while (m->next[i] < m->n && !is_seen(m, i, m->next[i]))
                m->next[i]++;
}

static bool take_line(Model *m, unsigned i, const LogLine *line) {
        unsigned at;

        pass_unseen(m, i);
        at = m->next[i]++;

        if (at >= m->n || line->size != strlen(m->lines[at]) || memcmp(line->text, m->lines[at], line->size) != 0) {
                tap_fail(__FILE__, __LINE__, "viewer %u has \"%.*s\" as line %u of %u, should have \"%.60s\"", i,
                         (int) MIN_OF(line->size, (size_t) 60), line->text, at, m->n,
                         at < m->n ? m->lines[at] : "none");
                return false;
        }
        snprintf(m->cursors[at], sizeof(m->cursors[at]), "%s", line->cursor);
        m->times[at] = line->realtime_usec;
        return true;
}

/* At most so many lines. False: a wrong one. */
static bool look(Model *m, unsigned i, unsigned max) {
        LogLine line;
        int r = 1;

        while (max-- > 0 && r > 0) {
                r = log_viewer_next(m->v.viewers[i].viewer, &line);
                if (r > 0 && !take_line(m, i, &line))
                        return false;
                /* It still goes back. */
                if (r == -EAGAIN)
                        r = 1;
        }
        return r >= 0 ? true : TAP_CHECK_INT(r, 0);
}

static void seek_tail(Model *m, unsigned i) {
        unsigned n = any(40);

        TAP_CHECK_INT(log_viewer_seek_tail(m->v.viewers[i].viewer, n), 0);
        m->next[i] = go_back(m, i, m->n, n, (m->sources[i] & LOG_SOURCES_OUTPUT) != 0);
}

static void seek_after(Model *m, unsigned i, unsigned at) {
        TAP_CHECK_INT(log_viewer_seek_after(m->v.viewers[i].viewer, m->cursors[at]), 0);
        m->next[i] = at + 1;
}

static void seek_before(Model *m, unsigned i, unsigned at) {
        unsigned n = any(40);

        TAP_CHECK_INT(log_viewer_seek_before(m->v.viewers[i].viewer, m->cursors[at], n), 0);
        m->next[i] = go_back(m, i, at, n, false);
}

static void seek_since(Model *m, unsigned i, unsigned at) {
        TAP_CHECK_INT(log_viewer_seek_since(m->v.viewers[i].viewer, m->times[at]), 0);
        m->next[i] = at;
}

/* To a line that somebody has seen. */
static void seek_line(Model *m, unsigned i) {
        static void (*const seeks[])(Model *m, unsigned i, unsigned at) = { seek_after, seek_before, seek_since };
        unsigned at = m->n > 0 ? any(m->n) : 0;

        if (*m->cursors[at])
                seeks[any(ELEMENTSOF(seeks))](m, i, at);
}

static void open_viewer(Model *m, unsigned i) {
        static const unsigned sources[] = { LOG_SOURCES_ALL, LOG_SOURCES_OUTPUT, LOG_SOURCES(LOG_SOURCE_SYSTEM) };
        LogViewer **viewer = &m->v.viewers[i].viewer;

        *viewer = log_viewer_free(*viewer);
        m->sources[i] = sources[any(ELEMENTSOF(sources))];
        TAP_CHECK_INT(log_viewer_new(m->v.feed, m->sources[i], NULL, NULL, viewer), 0);
        m->next[i] = 0;
        switch (any(4)) {
        case 0:
                seek_tail(m, i);
                break;
        case 1:
        case 2:
                seek_line(m, i);
                break;
        default:
                break;
        }
}

static void restart(Model *m, bool from_start) {
        Viewing *v = &m->v;

        for (unsigned i = 0; i < VIEWERS_MAX; i++)
                v->viewers[i].viewer = log_viewer_free(v->viewers[i].viewer);
        v->feed = log_feed_unref(v->feed);
        v->follower = journal_follower_free(v->follower);
        TAP_CHECK_INT(log_feed_new(&v->journal.source, FIXTURE_UNIT, RING, from_start, &v->feed), 0);
        viewing_follow(v);
        for (unsigned i = 0; i < VIEWERS_MAX; i++)
                open_viewer(m, i);
}

static bool step(Model *m) {
        unsigned i = any(VIEWERS_MAX);

        switch (any(12)) {
        case 0:
        case 1:
                write_lines(m);
                return true;
        case 2:
        case 3:
                TAP_CHECK(journal_follower_pump(m->v.follower, 1 + any(40)) >= 0);
                return true;
        case 4:
                open_viewer(m, i);
                return true;
        case 5:
                if (any(10) == 0)
                        restart(m, false);
                return true;
        default:
                return look(m, i, any(60));
        }
}

/* All is written, the task is over: everybody gets the rest. */
static bool finish(Model *m) {
        FixtureEntry last = { "the end" };

        TAP_CHECK_INT(buffer_append_string(&m->begun, last.text), 0);
        m->lines[m->n++] = buffer_take(&m->begun);
        journal_fixture_append(&m->v.journal, "zz", &last, 1);
        viewing_pump(&m->v);
        viewing_finish(&m->v);
        for (unsigned i = 0; i < VIEWERS_MAX; i++) {
                if (!look(m, i, UINT32_MAX))
                        return false;
                pass_unseen(m, i);
                TAP_CHECK_INT(m->next[i], m->n);
                TAP_CHECK(log_viewer_is_at_end(m->v.viewers[i].viewer));
        }
        return true;
}

static void run_model(unsigned seed) {
        static Model m;
        bool good = true;
        unsigned done = 0;

        m = (Model){};
        srandom(seed);
        if (viewing_init(&m.v, RING, true)) {
                /* Each new entry is looked at twice then: journal_next(). */
                m.v.journal.source.split = seed % 2 == 0;
                m.v.journal.realtime_usec = clock_realtime_usec();
                restart(&m, true);
                for (; good && done < STEPS / 4 && m.n < LINES_MAX - BATCH_MAX; done++)
                        good = step(&m);
                good = good && finish(&m);
                if (!good)
                        printf("# seed %u, step %u\n", seed, done);
        }
        for (unsigned i = 0; i < m.n; i++)
                free(m.lines[i]);
        buffer_done(&m.begun);
        viewing_done(&m.v);
}

static void test_model(void) {
        /* Another seed finds more: REMOTE_DEVELOPER_TEST_SEED=$RANDOM. */
        const char *seed = getenv("REMOTE_DEVELOPER_TEST_SEED");
        uint64_t first = 1;

        (void) string_to_uint64(seed, &first);
        for (unsigned i = 0; i < 4 && !tap_state.skip; i++)
                run_model((unsigned) first + i);
}

static const TapTest tests[] = {
        { "every viewer has every line once", test_model },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
