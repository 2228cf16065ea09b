/* Taking an entry of the journal apart. See journal-entry.h; fields: systemd.journal-fields(7). */
#include "journal-entry.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/journal-socket.h>
#include <remote-developer/line-mark.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include "journal-doubles.h"

#include <stdio.h>
#include <syslog.h>
#include <systemd/sd-messages.h>

/* What journald says under this id has no name in sd-messages.h of every version. */
#define MESSAGE_DROPPED SD_MESSAGE_JOURNAL_DROPPED_STR

void journal_entry_done(JournalEntry *e) {
        buffer_done(&e->text);
        *e = JOURNAL_ENTRY_NULL;
}

/* The fields that decide, as strings. */
typedef struct Fields {
        char unit[JOURNAL_FIELD_SIZE], about[JOURNAL_FIELD_SIZE], object[JOURNAL_FIELD_SIZE];
        char identifier[64], stream_id[ID128_TEXT_SIZE], message_id[ID128_TEXT_SIZE];
        char line_break[16], transport[16], priority[4], pid[12], dropped[24];
} Fields;

typedef struct FieldRow {
        const char *name;
        size_t name_size, offset, size;
} FieldRow;

#define FIELD(name, member) { name "=", sizeof(name), offsetof(Fields, member), sizeof(((Fields *) NULL)->member) }

/* One table a scope: what the system's manager and the user's call the same thing. */
#define COMMON_FIELDS                                                                                        \
        FIELD("SYSLOG_IDENTIFIER", identifier), FIELD("_STREAM_ID", stream_id), FIELD("MESSAGE_ID", message_id), \
        FIELD("_LINE_BREAK", line_break), FIELD("_TRANSPORT", transport), FIELD("PRIORITY", priority),       \
        FIELD("_PID", pid), FIELD("N_DROPPED", dropped), {}

static const FieldRow system_fields[] = {
        FIELD("_SYSTEMD_UNIT", unit), FIELD("UNIT", about), FIELD("OBJECT_SYSTEMD_UNIT", object), COMMON_FIELDS
};
static const FieldRow user_fields[] = {
        FIELD("_SYSTEMD_USER_UNIT", unit), FIELD("USER_UNIT", about), FIELD("OBJECT_SYSTEMD_UNIT", object),
        COMMON_FIELDS
};

/* Of the second letter of a name, by which most of the two dozen fields of an entry are passed over. */
#define LETTER(c) (UINT32_C(1) << ((c) & 31))

static uint32_t letters_of(const FieldRow *rows) {
        uint32_t letters = 0;

        for (; rows->name; rows++)
                letters |= LETTER(rows->name[1]);
        return letters;
}

static void take_field(Fields *f, const FieldRow *rows, const char *data, size_t size) {
        for (; rows->name; rows++) {
                size_t n;

                if (memcmp(rows->name, data, 2) != 0 || size < rows->name_size ||
                                memcmp(rows->name, data, rows->name_size) != 0)
                        continue;
                n = MIN_OF(size - rows->name_size, rows->size - 1);
                memcpy((char *) f + rows->offset, data + rows->name_size, n);
                ((char *) f + rows->offset)[n] = 0;
                return;
        }
}

static int read_fields(JournalEntry *e, sd_journal *j, const FieldRow *rows, Fields *f) {
        static const char message[] = "MESSAGE=";
        const size_t name = sizeof(message) - 1;
        const uint32_t letters = letters_of(rows);
        const char *data;
        size_t size;
        int r;

        sd_journal_restart_data(j);
        while ((r = sd_journal_enumerate_available_data(j, (const void **) &data, &size)) > 0) {
                if (size < 2 || !(letters & LETTER(data[1])))
                        continue;
                if (size < name || memcmp(data, message, name) != 0) {
                        take_field(f, rows, data, size);
                        continue;
                }
                e->has_text = true;
                r = buffer_append(&e->text, data + name, size - name);
                if (r < 0)
                        return r;
        }
        return r;
}

/* Only the manager itself may speak about a task's unit: a task could write such fields as well. */
static bool is_managers(const Fields *f, RuntimeScope scope) {
        return scope == RUNTIME_SCOPE_USER ? string_equal(f->unit, "init.scope") : string_equal(f->pid, "1");
}

/* What our starter says of a step, as systemd might; not of another task than its own. */
static bool is_starters(const Fields *f) {
        return string_equal(f->message_id, STEP_MESSAGE_ID) && (!*f->unit || string_equal(f->unit, f->about));
}

/* journald's own word on what it suppressed, which only journald can have written. */
static bool is_suppression(const Fields *f) {
        return string_equal(f->message_id, MESSAGE_DROPPED) && string_equal(f->transport, "driver");
}

/* Of all that a user's units write journald counts the lines together, and nobody knows whose are missing. */
static bool is_of_user_manager(const Fields *f) {
        char unit[32];

        snprintf(unit, sizeof(unit), "user@%u.service", (unsigned) getuid());
        return string_equal(f->object, unit);
}

static void take_unit(JournalEntry *e, const char *unit) {
        memcpy(e->unit, unit, sizeof(e->unit));
}

/* A writer that was gone before journald looked has no unit; in a user's journal its stream's name tells. */
static void take_writer(JournalEntry *e, const Fields *f, RuntimeScope scope) {
        if (*f->unit)
                take_unit(e, f->unit);
        else if (scope == RUNTIME_SCOPE_USER && task_id_is_valid(f->identifier))
                snprintf(e->unit, sizeof(e->unit), TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, f->identifier);
}

static void take_source(JournalEntry *e, const Fields *f, RuntimeScope scope) {
        char id[TASK_ID_SIZE + 1];

        if (is_suppression(f)) {
                e->source = LOG_SOURCE_GAP;
                e->dropped = strtoull(f->dropped, NULL, 10);
                if (scope == RUNTIME_SCOPE_SYSTEM)
                        take_unit(e, f->object);
                e->of_all = scope == RUNTIME_SCOPE_USER && is_of_user_manager(f);
        } else if ((is_managers(f, scope) || is_starters(f)) && task_id_from_unit(f->about, id)) {
                e->source = LOG_SOURCE_SYSTEM;
                take_unit(e, f->about);
        } else
                take_writer(e, f, scope);
}

/* What the relay between the program and journald has put at the line's end, once its last part is there. */
static void take_mark(JournalEntry *e) {
        size_t size = e->text.size;
        LineMark mark;

        mark = line_mark_take(e->text.data, &size);
        buffer_cut(&e->text, size);
        if (line_mark_is_stderr(mark))
                e->source = LOG_SOURCE_STDERR;
        e->goes_on |= line_mark_goes_on(mark);
        e->is_whole = line_mark_is_whole(mark) && !e->goes_on;
        e->is_marked = mark != LINE_MARK_NONE;
}

/* journald links an entry field by field, and each value that is new to the file by two stores. libsystemd passes over
 * a value that it finds between the two (tried: the text of one line in 400,000, looking all the time), so that the
 * entry looks like nobody's. What no line of a stream is without tells; an older one is taken as it is. */
static bool is_half_written(const JournalEntry *e, const Fields *f) {
        bool streamed = *f->stream_id || string_equal(f->transport, "stdout");
        bool whole = e->has_text && *f->transport && *f->stream_id && *e->unit;
        usec_t now;

        if (!streamed || whole)
                return false;
        now = clock_realtime_usec();
        return e->realtime_usec <= now && now < e->realtime_usec + JOURNAL_SETTLED_USEC;
}

/* Nearly always without asking for the entry's cursor, which costs a third of reading it. */
static int judge(JournalEntry *e, sd_journal *j, const JournalSource *source, const char *cursor) {
        _cleanup_free_ char *own = NULL;
        JournalWriting w;
        int r;

        if (!cursor && !journal_doubles_may_be(source, e->realtime_usec))
                return 0;
        r = cursor ? 0 : sd_journal_get_cursor(j, &own);
        if (r < 0)
                return r;
        w = journal_doubles_judge(source, cursor ?: own);
        e->is_half |= w == JOURNAL_PENDING;
        if (w == JOURNAL_DOUBLE)
                e->has_text = e->is_half = false;
        return 0;
}

int journal_entry_read(JournalEntry *e, sd_journal *j, const JournalSource *source, const char *cursor) {
        Buffer text = e->text;
        Fields f = {};
        int r;

        buffer_clear(&text);
        *e = (JournalEntry){ .text = text };
        r = sd_journal_get_realtime_usec(j, &e->realtime_usec);
        if (r >= 0)
                r = read_fields(e, j, source->scope == RUNTIME_SCOPE_USER ? user_fields : system_fields, &f);
        if (r < 0)
                return r;
        journal_memory_touch(e->text.size);
        take_source(e, &f, source->scope);
        e->is_half = is_half_written(e, &f);
        memcpy(e->stream_id, f.stream_id, sizeof(e->stream_id));
        e->priority = *f.priority >= '0' && *f.priority <= '7' ? *f.priority - '0' : LOG_INFO;
        e->ends_nul = string_equal(f.line_break, "nul");
        e->goes_on = e->ends_nul || string_equal(f.line_break, "line-max") ||
                     string_equal(f.line_break, "pid-change");
        if (*e->stream_id && !string_equal(f.line_break, "line-max"))
                take_mark(e);
        return judge(e, j, source, cursor);
}

int journal_entry_take_text(JournalEntry *e, const char *text, size_t size, usec_t realtime_usec) {
        int r;

        buffer_clear(&e->text);
        r = buffer_append(&e->text, text, size);
        e->realtime_usec = realtime_usec;
        e->source = LOG_SOURCE_STDOUT;
        e->goes_on = false;
        take_mark(e);
        return r;
}

int journal_entry_gap(JournalEntry *e, const char *cursor, LogLine *ret) {
        LogGap gap = { .reason = LOG_GAP_SUPPRESSED, .lines = e->dropped, .until = e->realtime_usec };
        int r;

        buffer_clear(&e->text);
        r = log_line_describe_gap(&gap, &e->text);
        if (r < 0)
                return r;
        *ret = (LogLine){ .cursor = cursor, .realtime_usec = e->realtime_usec, .priority = e->priority,
                          .source = LOG_SOURCE_GAP, .text = e->text.data, .size = e->text.size, .gap = gap };
        return 1;
}

bool journal_entry_belongs(const JournalEntry *e, const char *unit) {
        return e->has_text && (e->of_all || string_equal(e->unit, unit));
}

bool journal_entry_ends_line(const JournalEntry *e, const char *unit, unsigned sources) {
        return !e->goes_on && journal_entry_belongs(e, unit) &&
               (e->source == LOG_SOURCE_GAP || sources & LOG_SOURCES(e->source));
}
