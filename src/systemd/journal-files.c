/* JournalFiles: see journal-files.h. */
#include "journal-files.h"

#include <remote-developer/journal-memory.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#define PATH_SIZE 96

static const char *const places[JOURNAL_PLACES_MAX] = { "/var/log/journal", "/run/log/journal" };

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

JournalFiles journal_files_now(const JournalSource *source) {
        const char *paths[JOURNAL_PLACES_MAX];
        size_t n = journal_files_places(source, paths);
        JournalFiles now = { .faults = journal_memory_faults() };

        for (size_t i = 0; i < n; i++)
                now.stamp += stamp_of(paths[i]);
        return now;
}

bool journal_files_have_changed(const JournalFiles *f, const JournalSource *source) {
        JournalFiles now = journal_files_now(source);

        return now.stamp != f->stamp || now.faults != f->faults;
}
