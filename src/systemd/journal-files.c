/* JournalFiles: see journal-files.h.
 *
 * The kernel tells of every change (inotify(7)), in the order in which they happen and before journald goes on: where
 * a file's name was taken away, that was told before the first of its bytes was. A directory's time is of the kernel's
 * last tick, which two changes may share; it has to do where there are no more inotify instances. One instance serves
 * all readers. Nobody waits for it: it is asked. */
#include "journal-files.h"

#include "journal-guard.h"

#include <remote-developer/journal-memory.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define PATH_SIZE 96

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF)

static const char *const places[JOURNAL_PLACES_MAX] = { "/var/log/journal", "/run/log/journal" };

static struct {
        int fd; /* negative: there is none */
        uint64_t changes; /* told so far */
} watch = { .fd = -EBADF, .changes = 1 };

static uint64_t stamp_of(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return 0;
        return (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC * 1000 + (uint64_t) st.st_mtim.tv_nsec;
}

static const char *const *places_of_machine(void) {
        static char paths[ELEMENTSOF(places)][PATH_SIZE];
        static const char *const ret[ELEMENTSOF(places)] = { paths[0], paths[1] };
        sd_id128_t machine;

        if (!*paths[0] && sd_id128_get_machine(&machine) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(places); i++)
                        snprintf(paths[i], sizeof(paths[i]), "%s/" SD_ID128_FORMAT_STR, places[i],
                                 SD_ID128_FORMAT_VAL(machine));
        return ret;
}

size_t journal_files_places(const JournalSource *source, const char *ret[static JOURNAL_PLACES_MAX]) {
        if (source->directory) {
                ret[0] = source->directory;
                return 1;
        }
        memcpy(ret, places_of_machine(), sizeof(places));
        return ELEMENTSOF(places);
}

/* One that is not there, or not to be read, has no files for us; what will be there comes from a place that has. */
static bool watch_place(const char *path) {
        return inotify_add_watch(watch.fd, path, CHANGES | IN_ONLYDIR) >= 0 || errno == ENOENT || errno == EACCES;
}

static void watch_places(const JournalSource *source) {
        const char *paths[JOURNAL_PLACES_MAX];
        size_t n = journal_files_places(source, paths), i = 0;

        if (watch.fd < 0)
                watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (watch.fd < 0)
                return;
        while (i < n && watch_place(paths[i]))
                i++;
        if (i == n)
                return;
        closep(&watch.fd);
        watch.fd = -EBADF;
}

static uint64_t stamp_now(const JournalSource *source) {
        char events[4096];
        const char *paths[JOURNAL_PLACES_MAX];
        uint64_t stamp = 0;
        int waiting = 0;

        if (watch.fd >= 0) {
                /* To ask takes half as long as to read nothing, which is what there is for nearly every entry. */
                while (ioctl(watch.fd, FIONREAD, &waiting) >= 0 && waiting > 0 &&
                       read(watch.fd, events, sizeof(events)) > 0)
                        watch.changes++;
                return watch.changes;
        }
        for (size_t i = 0, n = journal_files_places(source, paths); i < n; i++)
                stamp += stamp_of(paths[i]);
        return stamp;
}

static JournalFiles look(const JournalSource *source) {
        return (JournalFiles){ .stamp = stamp_now(source),
                               .faults = journal_memory_faults() + journal_guard_caught() };
}

JournalFiles journal_files_now(const JournalSource *source) {
        watch_places(source);
        return look(source);
}

bool journal_files_have_changed(const JournalFiles *f, const JournalSource *source) {
        JournalFiles now = look(source);

        return now.stamp != f->stamp || now.faults != f->faults;
}
