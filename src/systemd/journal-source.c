/* What is asked of the journal as a whole: see journal-reader.h. */
#include "journal-internal.h"

bool journal_reader_source_is_readable(const JournalSource *source) {
        uint64_t bytes = 0;
        sd_journal *j;

        if (journal_open(source, &j) < 0)
                return false;
        if (sd_journal_get_usage(j, &bytes) < 0)
                bytes = 0;
        sd_journal_close(j);
        return bytes > 0;
}

int journal_reader_source_oldest(const JournalSource *source, usec_t *ret) {
        uint64_t to;
        sd_journal *j;
        int r;

        r = journal_open(source, &j);
        if (r < 0)
                return r;
        r = sd_journal_get_cutoff_realtime_usec(j, ret, &to);
        sd_journal_close(j);
        return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

bool journal_reader_source_is_persistent(const JournalSource *source) {
        sd_journal *j;
        int r;

        if (journal_open(source, &j) < 0)
                return false;
        r = sd_journal_has_persistent_files(j);
        sd_journal_close(j);
        return r > 0;
}
