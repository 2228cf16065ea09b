/* JournalFollower: see journal-follower.h. Owned by the log of the manager/ floor.
 *
 * What will surprise you: libsystemd learns of a new file of the journal (a rotation) only when its inotify events are
 * processed, so each look does that first. */
#include <remote-developer/journal-follower.h>

#include <remote-developer/journal-memory.h>
#include <remote-developer/log-cursor.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include "journal-coverage.h"
#include "journal-files.h"
#include "journal-guard.h"
#include "line-joiner.h"

#include <stdio.h>
#include <syslog.h>
#include <systemd/sd-event.h>

/* Entries a turn: about 1 ms of work, so that requests are answered during a flood. */
#define FOLLOWER_BATCH 256
/* So long without a line, and nobody expects the next one within milliseconds: looking is given up until there is
 * one. */
#define LOOK_QUIET_USEC (5 * USEC_PER_SEC)
/* What a look costs is the wake-up: of 40 us in a virtual machine libsystemd takes 2. So they are the rarer the longer
 * none has come: a line is at most so much of the silence before it late, or so many intervals. */
#define LOOK_SHARE 16
#define LOOK_SLACK 5
/* A look that came between two of journald's updates of a file misses the entry; this many looks later it is seen. To
 * look afresh takes 15 us with one file, and 2 ms with a dozen full ones: libsystemd searches all of them, and maps
 * anew what it has no room for. */
#define LOOKS_UNTIL_AFRESH 8

/* Streams that are remembered: of a thousand tasks that write at once. */
#define STREAM_BUCKETS 1024
#define BUCKET_SIZE 4

struct JournalFollower {
        sd_event *event;
        JournalSource source;
        char *slice;
        JournalOnLine on_line;
        void *userdata;

        sd_journal *journal;
        sd_event_source *io_source;   /* journald's inotify events */
        sd_event_source *more_source; /* there was more than one batch */
        sd_event_source *look_source; /* the closer look */
        usec_t interval_usec;
        usec_t taken_at_usec; /* monotonic; when there was last something of a task to take */
        unsigned looks;

        JournalEntry entry;
        uint64_t streams[STREAM_BUCKETS * BUCKET_SIZE]; /* whose begin was seen, or that a line may be cut; 0: none */
        LineJoiner joiner;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last entry taken, at first the journal's last; "": none */
        bool positioned;                  /* stands on an entry that is not taken yet */
        unsigned entries;                 /* taken so far */
        bool unreadable;                  /* the next entry was not to be read just now */
        JournalFiles files;               /* that the handle has and the coverage knows */
        bool lost;                        /* the handle does not stand where it should */
        JournalCoverage coverage;
        bool announced;                   /* journald has written something, perhaps nobody's */
        bool in_doubt;                    /* an entry that journald was writing may be covered and not found */
};

/* FNV-1a, 64 bits, by its published constants. Never 0. */
static uint64_t hash_stream(const JournalEntry *e) {
        uint64_t hash = 14695981039346656037ULL + (uint64_t) e->source;

        for (const char *c = e->stream_id; *c; c++)
                hash = (hash ^ (unsigned char) *c) * 1099511628211ULL;
        return hash | 1;
}

/* The first that is seen of a stream. To have forgotten one costs only time: its line is read from the journal. */
static bool is_new_stream(JournalFollower *f, const JournalEntry *e) {
        uint64_t hash = hash_stream(e), *bucket = &f->streams[hash / 2 % STREAM_BUCKETS * BUCKET_SIZE];

        for (unsigned i = 0; i < BUCKET_SIZE; i++)
                if (bucket[i] == hash)
                        return false;
        memmove(bucket + 1, bucket, (BUCKET_SIZE - 1) * sizeof(uint64_t));
        bucket[0] = hash;
        return true;
}

/* What systemd says of all other units comes along with what it says of tasks. */
static bool is_of_a_task(const JournalEntry *e) {
        char id[TASK_ID_SIZE + 1];

        return e->of_all || task_id_from_unit(e->unit, id);
}

/* 1: a line, 0: none yet, or of nobody; -ESTALE: what was passed over on the way to it may be gone. */
static int join_entry(JournalFollower *f, LogLine *ret) {
        _cleanup_free_ char *cursor = NULL;
        int r;

        r = sd_journal_get_cursor(f->journal, &cursor);
        if (r >= 0)
                r = journal_entry_read(&f->entry, f->journal, &f->source, cursor);
        if (r >= 0 && f->entry.is_half)
                return -EAGAIN;
        if (r >= 0 && strlen(cursor) >= sizeof(f->cursor))
                r = -E2BIG;
        if (r >= 0 && journal_files_have_changed(&f->files, &f->source))
                r = -ESTALE;
        if (r >= 0)
                memcpy(f->cursor, cursor, strlen(cursor) + 1);
        if (r < 0 || !f->entry.has_text || !is_of_a_task(&f->entry))
                return r;
        if (f->entry.source == LOG_SOURCE_GAP)
                return journal_entry_gap(&f->entry, f->cursor, ret);
        f->entry.maybe_cut = *f->entry.stream_id && is_new_stream(f, &f->entry) && !f->entry.is_whole;
        return line_joiner_take(&f->joiner, &f->entry, f->cursor, ret);
}

/* -EAGAIN: not all of it is there yet. While journald archives a file an entry may not be readable through the handle
 * that has it mapped: -ESTALE, once. With a new handle it is read again; one that is damaged is passed over. */
static int take_entry(JournalFollower *f) {
        bool again = f->unreadable;
        LogLine line;
        int r;

        r = join_entry(f, &line);
        if (r == -EAGAIN || r == -ESTALE)
                return r;
        f->unreadable = r < 0 && !again;
        if (f->unreadable)
                return -ESTALE;
        if (r < 0)
                log_warning("An entry of the journal could not be read: %s", strerror(-r));
        if (r > 0)
                f->on_line(f->userdata, f->entry.of_all ? NULL : f->entry.unit, &line);
        return 0;
}

void journal_follower_flush(JournalFollower *f, const char *unit) {
        LogLine line;

        while (line_joiner_flush(&f->joiner, unit, &line) > 0)
                f->on_line(f->userdata, unit, &line);
}

static int on_journal_io(sd_event_source *s, int fd, uint32_t events, void *userdata);

static int open_handle(JournalFollower *f) {
        sd_journal *j;
        int r, fd;

        f->files = journal_files_now(&f->source);
        r = journal_open(&f->source, &j);
        if (r < 0)
                return r;
        r = journal_match_slice(j, &f->source, f->slice);
        fd = r < 0 ? r : sd_journal_get_fd(j);
        if (fd < 0) {
                sd_journal_close(j);
                return fd;
        }
        f->journal = j;
        r = sd_event_add_io(f->event, &f->io_source, fd, (uint32_t) sd_journal_get_events(j), on_journal_io, f);
        if (r >= 0)
                r = sd_event_source_set_description(f->io_source, "journal-follower");
        return r;
}

/* Stands on the last entry there is, so that the next one is the first new one. */
static int seek_end(JournalFollower *f) {
        _cleanup_free_ char *cursor = NULL;
        int r;

        r = sd_journal_seek_tail(f->journal);
        if (r >= 0)
                r = journal_guard_previous(f->journal);
        if (r == 0)
                return sd_journal_seek_head(f->journal);
        if (r > 0)
                r = sd_journal_get_cursor(f->journal, &cursor);
        if (r >= 0)
                snprintf(f->cursor, sizeof(f->cursor), "%s", cursor);
        return r;
}

int journal_follower_look_afresh(JournalFollower *f) {
        bool stands;
        int r;

        f->positioned = false;
        if (!f->journal)
                return 0;
        if (!*f->cursor)
                return sd_journal_seek_head(f->journal);
        r = journal_seek(f->journal, f->cursor, &stands);
        /* Where that entry is gone it stands on the next one there is, which is wanted. */
        f->positioned = r == 0 && stands;
        return MIN_OF(r, 0);
}

/* The set of files is another one by now. What journald removed before it was read is missing to all. */
static int renew_coverage(JournalFollower *f) {
        _cleanup_(buffer_done) Buffer sentence = BUFFER_NULL;
        LogLine line = { .cursor = "", .priority = LOG_INFO, .source = LOG_SOURCE_GAP };
        int r;

        r = journal_coverage_renew(&f->coverage, &f->source, &line.gap);
        if (r <= 0)
                return r;
        r = log_line_describe_gap(&line.gap, &sentence);
        if (r < 0)
                return r;
        line.realtime_usec = line.gap.until;
        line.text = sentence.data;
        line.size = sentence.size;
        f->on_line(f->userdata, NULL, &line);
        return 0;
}

/* Something that was mapped is gone: what the handle knows is not to be believed. */
static int renew_handle(JournalFollower *f) {
        int r;

        journal_coverage_note(&f->coverage, f->cursor, false);
        f->io_source = sd_event_source_disable_unref(f->io_source);
        sd_journal_close(f->journal);
        f->journal = NULL;
        r = open_handle(f);
        /* A file may have been renamed while the directory was read, and be missing until this. */
        if (r >= 0)
                r = sd_journal_process(f->journal);
        if (r >= 0)
                r = renew_coverage(f);
        if (r >= 0)
                r = journal_follower_look_afresh(f);
        f->lost = r < 0;
        return r;
}

static int look_at_files(JournalFollower *f) {
        bool changed = journal_files_have_changed(&f->files, &f->source);
        unsigned faults = f->files.faults;
        int r;

        if (changed)
                f->files = journal_files_now(&f->source);
        if (!f->journal || f->lost || faults != f->files.faults)
                return renew_handle(f);
        r = sd_journal_process(f->journal);
        if (r == SD_JOURNAL_INVALIDATE && !changed)
                f->files = journal_files_now(&f->source); /* a directory has come, and nothing told of it */
        return r == SD_JOURNAL_INVALIDATE || (r >= 0 && changed) ? renew_coverage(f) : r;
}

static int next_entry(JournalFollower *f) {
        if (!f->positioned)
                return journal_next(f->journal, &f->source, f->cursor);
        f->positioned = false;
        return 1;
}

/* 1: an entry was taken; 0: there is none, or not all of one. */
static int take_next(JournalFollower *f) {
        int r;

        r = next_entry(f);
        /* libsystemd gave up: see journal-guard.h. */
        if (r < 0 && journal_files_have_changed(&f->files, &f->source))
                return -ESTALE;
        if (r <= 0)
                return r;
        f->entries++;
        r = take_entry(f);
        f->positioned = r == -EAGAIN;
        if (f->positioned || (r >= 0 && is_of_a_task(&f->entry)))
                f->taken_at_usec = clock_monotonic_usec();
        return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static int take_entries(JournalFollower *f, unsigned max) {
        int r = 1;

        for (unsigned i = 0; i < max && r > 0; i++) {
                r = take_next(f);
                if (r == -ESTALE) {
                        r = renew_handle(f);
                        r = r < 0 ? r : 1;
                }
        }
        return r;
}

int journal_follower_pump(JournalFollower *f, unsigned max) {
        unsigned before = f->entries;
        int r;

        r = look_at_files(f);
        if (r >= 0)
                r = take_entries(f, max);
        if (r < 0 || !(f->announced || f->entries != before))
                return r;
        f->announced = false;
        f->in_doubt = true;
        journal_coverage_note(&f->coverage, f->cursor, r == 0 && !f->positioned);
        return r;
}

usec_t journal_follower_realtime_usec(const JournalFollower *f) {
        return log_cursor_realtime(f->cursor);
}

bool journal_follower_is_waiting(const JournalFollower *f) {
        return f->positioned;
}

static int pump_turn(JournalFollower *f) {
        int r = journal_follower_pump(f, FOLLOWER_BATCH);

        if (r < 0)
                log_warning("The journal could not be read: %s", strerror(-r));
        (void) sd_event_source_set_enabled(f->more_source, r > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return 0;
}

static void start_looking(JournalFollower *f) {
        f->taken_at_usec = clock_monotonic_usec();
        (void) sd_event_source_set_time_relative(f->look_source, f->interval_usec);
        (void) sd_event_source_set_enabled(f->look_source, SD_EVENT_ONESHOT);
}

/* journald announces an entry when it is all there. A closer look that came before, between two of its updates of the
 * file, has libsystemd remember an end that is none until a further entry comes: hence afresh. */
static int on_journal_io(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        JournalFollower *f = userdata;
        usec_t before = f->taken_at_usec;

        f->announced = true;
        (void) journal_follower_look_afresh(f);
        (void) pump_turn(f);
        /* Nobody expects the next of what others write. */
        if (f->interval_usec > 0 && f->taken_at_usec != before)
                start_looking(f);
        /* At most four times a second, and what was touched is not wanted soon. */
        if (sd_event_source_get_enabled(f->look_source, NULL) == 0)
                journal_memory_release();
        return 0;
}

static int on_more(sd_event_source *s _unused_, void *userdata) {
        return pump_turn(userdata);
}

static usec_t look_pause(const JournalFollower *f, usec_t silent_usec) {
        return MIN_OF(MAX_OF(silent_usec / LOOK_SHARE, f->interval_usec), f->interval_usec * LOOK_SLACK);
}

/* What a look can have missed: an entry that journald was writing as the last ones were noted, or any that its file
 * tells of. */
static bool may_have_missed(JournalFollower *f) {
        bool in_doubt = f->in_doubt;

        f->in_doubt = false;
        return in_doubt || journal_coverage_has_more(&f->coverage);
}

/* When nothing has come for a while, journald's own announcement of the next line is awaited, which may be late. */
static int on_look(sd_event_source *s, uint64_t usec _unused_, void *userdata) {
        JournalFollower *f = userdata;
        usec_t silent;

        if (++f->looks % LOOKS_UNTIL_AFRESH == 0 && may_have_missed(f))
                (void) journal_follower_look_afresh(f);
        (void) pump_turn(f);
        silent = clock_monotonic_usec() - f->taken_at_usec;
        if (silent > LOOK_QUIET_USEC) {
                journal_memory_release();
                return sd_event_source_set_enabled(s, SD_EVENT_OFF);
        }
        (void) sd_event_source_set_time_relative(s, look_pause(f, silent));
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int journal_follower_set_interval(JournalFollower *f, usec_t interval_usec) {
        if (interval_usec == f->interval_usec)
                return 0;
        f->interval_usec = interval_usec;
        if (interval_usec == 0)
                return sd_event_source_set_enabled(f->look_source, SD_EVENT_OFF);
        start_looking(f);
        return 0;
}

static int add_sources(JournalFollower *f) {
        int r;

        r = sd_event_add_defer(f->event, &f->more_source, on_more, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->more_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(f->more_source, "journal-more");
        /* Behind everything else that is ready: a flood must not keep requests waiting. */
        if (r >= 0)
                r = sd_event_source_set_priority(f->more_source, SD_EVENT_PRIORITY_NORMAL + 10);
        if (r >= 0)
                r = sd_event_add_time_relative(f->event, &f->look_source, CLOCK_MONOTONIC, 0, 1, on_look, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->look_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(f->look_source, "journal-look");
        return r;
}

int journal_follower_new(sd_event *event, const JournalSource *source, const char *slice, size_t keep_max,
                         JournalOnLine on_line, void *userdata, JournalFollower **ret) {
        _cleanup_(journal_follower_freep) JournalFollower *f = calloc(1, sizeof(JournalFollower));
        LogGap none;
        int r;

        if (!f)
                return -ENOMEM;
        f->event = sd_event_ref(event);
        f->source = *source;
        f->on_line = on_line;
        f->joiner.keep_max = keep_max;
        f->userdata = userdata;
        r = string_replace(&f->slice, slice);
        if (r >= 0)
                r = add_sources(f);
        if (r >= 0)
                r = open_handle(f);
        if (r >= 0)
                r = journal_coverage_renew(&f->coverage, &f->source, &none);
        if (r >= 0)
                r = seek_end(f);
        if (r < 0)
                return r;
        journal_coverage_note(&f->coverage, f->cursor, true);
        journal_memory_release();
        *ret = TAKE_PTR(f);
        return 0;
}

JournalFollower *journal_follower_free(JournalFollower *f) {
        if (!f)
                return NULL;
        sd_event_source_disable_unref(f->io_source);
        sd_event_source_disable_unref(f->more_source);
        sd_event_source_disable_unref(f->look_source);
        sd_journal_close(f->journal);
        line_joiner_done(&f->joiner);
        journal_entry_done(&f->entry);
        journal_coverage_done(&f->coverage);
        sd_event_unref(f->event);
        free(f->slice);
        free(f);
        return NULL;
}
