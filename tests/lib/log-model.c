/* LogModel: see log-model.h. */
#include "log-model.h"

#include <remote-developer/strings.h>

#include <dirent.h>

#define OUTPUT "SYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER={id}\n_SYSTEMD_INVOCATION_ID={invocation}\nPRIORITY=6\n"
/* journald's LineMax= without a configuration. */
#define PIECE ((size_t) 48 * 1024)

unsigned log_model_any(unsigned n) {
        return (unsigned) random() % n;
}

bool log_model_chance(unsigned percent) {
        return log_model_any(100) < percent;
}

void log_model_begin(LogModel *m, Story *s) {
        m->story = s;
        m->journal.source = (JournalSource){ s->scope, m->journal.directory };
        m->journal.scratch = s->scratch;
        snprintf(m->journal.directory, sizeof(m->journal.directory), "%s", s->journal);
        free(m->unit);
        free(m->fields);
        m->unit = task_unit_name(s->id);
        m->fields = story_expand(s, OUTPUT);
        /* A journal is older than what it is asked for. */
        if (m->attempt++ == 0)
                JOURNAL_APPEND(&m->journal, "before", { "of another time", .unit = "" });
}

void log_model_done(LogModel *m) {
        for (size_t i = 0; i < m->n; i++)
                buffer_done(&m->items[i].text);
        for (unsigned i = 0; i < MODEL_STREAMS; i++)
                buffer_done(&m->begun[i]);
        free(m->items);
        free(m->unit);
        free(m->fields);
        *m = (LogModel){};
}

static void add_item(LogModel *m, ModelItem item) {
        if (m->n == m->allocated) {
                m->allocated = MAX_OF(2 * m->allocated, (size_t) 64);
                m->items = reallocarray(m->items, m->allocated, sizeof(ModelItem));
                assert(m->items);
        }
        m->items[m->n++] = item;
}

/* --- entries --- */

/* Entries of one write, with what they borrow. */
typedef struct Batch {
        FixtureEntry entries[MODEL_BATCH_MAX + 2 * MODEL_STREAMS];
        Buffer texts[MODEL_BATCH_MAX + 2 * MODEL_STREAMS];
        char *fields[MODEL_BATCH_MAX + 2 * MODEL_STREAMS];
        unsigned n;
} Batch;

static void make_text(LogModel *m, Buffer *to) {
        static const char *const odd[] = { "", " ", "\"quoted\" \\ / \t \x7f \x1b[0m", "data: x", "{\"log\": \"x\"}",
                                           "\xe2\x80\xa8 \xef\xbf\xbe", "id: 1", "\r", "final" };
        unsigned kind = log_model_any(14), n = log_model_any(60);

        if (kind == 0)
                TAP_CHECK_INT(buffer_append_string(to, odd[n % ELEMENTSOF(odd)]), 0);
        else if (kind == 1 && !m->without_binary)
                for (unsigned i = 0; i < n; i++)
                        TAP_CHECK_INT(buffer_append(to, &(char){ (char) log_model_any(256) }, 1), 0);
        else if (kind == 2)
                for (unsigned i = 0; i < n; i++)
                        TAP_CHECK_INT(buffer_append_string(to, i % 3 ? "\xc3\xa4" : "\xf0\x9f\x98\x80"), 0);
        else
                TAP_CHECK_INT(buffer_append_format(to, "%u %*s", m->numbers++, kind == 3 ? (int) n * n : 0, ""), 0);
        if (log_model_any(150) == 0)
                for (size_t size = to->size; size < PIECE; size++)
                        TAP_CHECK_INT(buffer_append(to, &(char){ (char) ('a' + size % 26) }, 1), 0);
}

/* A piece of a line of that stream, and the item when the line ends with it. */
static void add_piece(LogModel *m, Batch *b, unsigned stream, bool goes_on) {
        FixtureEntry *e = &b->entries[b->n];
        Buffer *text = &b->texts[b->n];
        bool other_process = goes_on && log_model_chance(20);

        make_text(m, text);
        b->fields[b->n] = string_format("%s%s", m->fields, other_process ? "_LINE_BREAK=pid-change\n" : "");
        *e = (FixtureEntry){ text->data ?: "", text->size, .unit = m->unit, .goes_on = goes_on && !other_process,
                             .stream = m->attempt * MODEL_STREAMS + stream, .fields = b->fields[b->n] };
        b->n++;
        if (text->size > 0)
                TAP_CHECK_INT(buffer_append(&m->begun[stream], text->data, text->size), 0);
        m->open[stream] = goes_on;
        if (goes_on)
                return;
        add_item(m, (ModelItem){ MODEL_LINE, m->begun[stream], 0 });
        m->begun[stream] = BUFFER_NULL;
}

/* What is no output of this task. */
static void add_other(LogModel *m, Batch *b, FixtureKind kind) {
        FixtureEntry *e = &b->entries[b->n];
        Buffer *text = &b->texts[b->n], copy = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_format(text, "about %u", m->numbers++), 0);
        *e = (FixtureEntry){ text->data, .unit = m->unit, .kind = kind };
        if (kind == FIXTURE_OUTPUT)
                e->unit = log_model_chance(50) ? FIXTURE_OTHER_UNIT : "";
        b->n++;
        if (kind == FIXTURE_MANAGER) {
                TAP_CHECK_INT(buffer_append_string(&copy, text->data), 0);
                add_item(m, (ModelItem){ MODEL_SYSTEM, copy, 0 });
        } else if (kind == FIXTURE_SUPPRESSED) {
                e->text = NULL;
                e->dropped = 1 + log_model_any(1000000);
                add_item(m, (ModelItem){ MODEL_SUPPRESSED, BUFFER_NULL, e->dropped });
        }
}

static void add_any(LogModel *m, Batch *b) {
        unsigned kind = log_model_any(100);

        if (kind < 6 && !m->without_system)
                add_other(m, b, FIXTURE_MANAGER);
        else if (kind < 8 && !m->without_suppressed)
                add_other(m, b, FIXTURE_SUPPRESSED);
        else if (kind < 18)
                add_other(m, b, FIXTURE_OUTPUT);
        else
                add_piece(m, b, log_model_any(MODEL_STREAMS), log_model_chance(20));
        b->entries[b->n - 1].at_once = b->n > 1 && log_model_chance(15);
}

/* Time does not stand still where nothing is written. */
static void catch_up(JournalFixture *f) {
        usec_t now = clock_realtime_usec();

        if (now <= f->realtime_usec)
                return;
        f->monotonic_usec += f->realtime_usec > 0 ? now - f->realtime_usec : USEC_PER_SEC;
        f->realtime_usec = now;
}

static void write_batch(LogModel *m, Batch *b) {
        char file[16];

        catch_up(&m->journal);
        snprintf(file, sizeof(file), "%06u", m->file);
        journal_fixture_append(&m->journal, file, b->entries, b->n);
        for (unsigned i = 0; i < b->n; i++) {
                buffer_done(&b->texts[i]);
                free(b->fields[i]);
        }
}

void log_model_write(LogModel *m, unsigned entries) {
        Batch b = {};

        while (b.n < MIN_OF(entries, (unsigned) MODEL_BATCH_MAX))
                add_any(m, &b);
        write_batch(m, &b);
}

void log_model_write_number(LogModel *m) {
        ModelItem item = { MODEL_LINE, BUFFER_NULL, 0 };
        Batch b = { .n = 1 };

        TAP_CHECK_INT(buffer_append_format(&b.texts[0], "number %u", m->numbers++), 0);
        TAP_CHECK_INT(buffer_append_string(&item.text, b.texts[0].data), 0);
        b.fields[0] = strdup(m->fields);
        /* Of a third stream, so that it ends no line that was begun. */
        b.entries[0] = (FixtureEntry){ b.texts[0].data, .unit = m->unit, .fields = b.fields[0],
                                       .stream = 1000000 + m->attempt };
        add_item(m, item);
        write_batch(m, &b);
}

void log_model_close_lines(LogModel *m) {
        Batch b = {};

        for (unsigned i = 0; i < MODEL_STREAMS; i++)
                if (m->open[i])
                        add_piece(m, &b, i, false);
        if (b.n > 0)
                write_batch(m, &b);
        log_model_write_number(m);
}

/* --- files --- */

void log_model_rotate(LogModel *m) {
        bool within = false;

        for (unsigned i = 0; i < MODEL_STREAMS; i++)
                within |= m->open[i];
        m->file++;
        m->file_begin = within ? SIZE_MAX : m->n;
        log_model_write_number(m);
}

void log_model_reboot(LogModel *m) {
        journal_fixture_reboot(&m->journal);
        log_model_rotate(m);
}

/* But those whose names begin with `keep`; NULL: all. systemd-journal-remote begins another file, NAME@..., when the
 * clock was set. */
static void remove_files(LogModel *m, const char *keep) {
        struct dirent **names = NULL;
        int n;

        n = scandir(m->journal.directory, &names, NULL, NULL);
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = string_format("%s/%s", m->journal.directory, names[i]->d_name);

                if (names[i]->d_name[0] != '.' && !(keep && string_has_prefix(names[i]->d_name, keep)))
                        TAP_CHECK_INT(unlink(path), 0);
                free(names[i]);
        }
        free(names);
        TAP_CHECK(n >= 0);
}

bool log_model_vacuum(LogModel *m) {
        char keep[32];

        if (m->file_begin == SIZE_MAX)
                return false;
        snprintf(keep, sizeof(keep), "%06u", m->file);
        remove_files(m, keep);
        m->kept = m->file_begin;
        return true;
}

void log_model_archive(LogModel *m) {
        remove_files(m, NULL);
        m->archived = m->n;
        m->file++;
        m->file_begin = SIZE_MAX;
}
