/* Any bytes as entries of the journal (0x1d behind each) with their fields (0x1e behind each), as far as a client:
 * taken apart, joined to lines, written as a row, as an event and as text. Each row and event is one line of JSON that
 * says the line's text, and whatever no JSON can hold is beside it. Seeds are in corpus/journal-entry.
 *
 * To be linked with libsystemd's reader wrapped by the one below. */
#include "replay.h"

#include "../../src/systemd/journal-entry.h"
#include "../../src/systemd/line-joiner.h"

#include <remote-developer/json.h>
#include <remote-developer/log-row.h>
#include <remote-developer/task.h>

#define TASK "task-1700000000-abcdef"
#define UNIT TASK_UNIT_PREFIX TASK TASK_UNIT_SUFFIX
#define CURSOR "s=0123456789abcdef0123456789abcdef;i=1;b=0123456789abcdef0123456789abcdef;m=1;t=1;x=1"
#define ENTRY_END 0x1d
#define FIELD_END 0x1e

/* --- the entry that libsystemd stands on --- */

static struct {
        const char *data, *end, *next;
        char *field; /* in memory of its own, so that a sanitizer sees who reads too far */
        usec_t realtime_usec;
} entry;

void __wrap_sd_journal_restart_data(sd_journal *j);
int __wrap_sd_journal_enumerate_available_data(sd_journal *j, const void **ret, size_t *ret_size);
int __wrap_sd_journal_get_realtime_usec(sd_journal *j, uint64_t *ret);

void __wrap_sd_journal_restart_data(sd_journal *j _unused_) {
        entry.next = entry.data;
}

int __wrap_sd_journal_enumerate_available_data(sd_journal *j _unused_, const void **ret, size_t *ret_size) {
        size_t size;

        if (entry.next == entry.end)
                return 0;
        size = (size_t) ((const char *) (memchr(entry.next, FIELD_END, (size_t) (entry.end - entry.next)) ?: entry.end)
                         - entry.next);
        free(entry.field);
        entry.field = malloc(MAX_OF(size, (size_t) 1));
        assert(entry.field);
        memcpy(entry.field, entry.next, size);
        entry.next += size + (entry.next + size < entry.end);
        *ret = entry.field;
        *ret_size = size;
        return 1;
}

int __wrap_sd_journal_get_realtime_usec(sd_journal *j _unused_, uint64_t *ret) {
        *ret = entry.realtime_usec;
        return 0;
}

/* --- what becomes of it --- */

static Json *parse(const char *text, size_t size) {
        Json *j = NULL;

        assert(!memchr(text, '\n', size));
        assert(json_parse(text, size, &j, NULL) >= 0);
        assert(json_is_object(j));
        return j;
}

static void check_text(const LogLine *line, const Json *j, const char *key) {
        bool whole = string_is_utf8(line->text, line->size);
        const char *text = json_get_string(j, key);

        assert(text);
        assert(whole == !json_get(j, "bytes"));
        if (whole && !memchr(line->text, 0, line->size))
                assert(strlen(text) == line->size && memcmp(text, line->text, line->size) == 0);
}

static void check_row(LogRowWriter *w, const LogLine *line) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        assert(log_row_append_ndjson(w, line, &b) >= 0);
        assert(b.data[b.size - 1] == '\n');
        j = parse(b.data, b.size - 1);
        check_text(line, j, "text");
        assert(string_equal(json_get_string(j, "source"), log_source_words[line->source]));
}

/* "id: " and "event: ", each at most once, and then "data: " with an object, each on its line. */
static void check_event(LogRowWriter *w, const LogLine *line) {
        static const char *const keys[LOG_SOURCE_MAX] = { "log", "log", "system", "gap" };
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;
        char *data;

        assert(log_row_append_event(w, line, &b) >= 0);
        assert(b.size > 2 && string_equal(b.data + b.size - 2, "\n\n"));
        data = b.data;
        if (line->source != LOG_SOURCE_GAP) {
                assert(string_has_prefix(data, "id: "));
                data = strchr(data, '\n') + 1;
        }
        if (string_has_prefix(data, "event: "))
                data = strchr(data, '\n') + 1;
        assert(string_has_prefix(data, "data: "));
        data += strlen("data: ");
        j = parse(data, (size_t) (b.data + b.size - 2 - data));
        check_text(line, j, keys[line->source]);
}

static void check_plain(LogRowWriter *w, const LogLine *line) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        assert(log_row_append_text(w, line, &b) >= 0);
        assert(b.size >= line->size);
}

static void check_line(LogRowWriter *w, const LogLine *line) {
        assert(line->source >= 0 && line->source < LOG_SOURCE_MAX);
        assert(line->text && line->priority >= 0 && line->priority <= 7);
        check_row(w, line);
        check_event(w, line);
        check_plain(w, line);
}

static void check_entry(const JournalEntry *e) {
        assert(memchr(e->unit, 0, sizeof(e->unit)) && memchr(e->stream_id, 0, sizeof(e->stream_id)));
        assert(!(e->is_whole && e->goes_on));
        (void) journal_entry_ends_line(e, UNIT, LOG_SOURCES_ALL);
}

static void take_entry(JournalEntry *e, LineJoiner *joiner, LogRowWriter *w, const JournalSource *source) {
        LogLine line;
        int r;

        assert(journal_entry_read(e, NULL, source, CURSOR) >= 0);
        check_entry(e);
        if (!journal_entry_belongs(e, UNIT) || e->is_half)
                return;
        r = e->source == LOG_SOURCE_GAP ? journal_entry_gap(e, CURSOR, &line)
                                        : line_joiner_take(joiner, e, CURSOR, &line);
        assert(r >= 0);
        if (r > 0)
                check_line(w, &line);
}

static void take_all(const char *data, size_t size, RuntimeScope scope) {
        const JournalSource source = { scope, "/nonexistent" };
        _cleanup_(journal_entry_done) JournalEntry e = JOURNAL_ENTRY_NULL;
        _cleanup_(line_joiner_done) LineJoiner joiner = { .keep_max = LINE_JOINER_KEEP_ALL };
        LogRowWriter w = LOG_ROW_WRITER(TASK);
        const char *end = data + size;
        LogLine line;

        entry.realtime_usec = 1700000000 * USEC_PER_SEC;
        while (data < end) {
                entry.data = data;
                entry.end = memchr(data, ENTRY_END, (size_t) (end - data)) ?: end;
                entry.realtime_usec += 1000;
                data = entry.end + 1;
                take_entry(&e, &joiner, &w, &source);
        }
        while (line_joiner_flush(&joiner, UNIT, &line) > 0)
                check_line(&w, &line);
        free(TAKE_PTR(entry.field));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        take_all((const char *) data, size, RUNTIME_SCOPE_SYSTEM);
        take_all((const char *) data, size, RUNTIME_SCOPE_USER);
        return 0;
}

REPLAY_MAIN("journal-entry")
