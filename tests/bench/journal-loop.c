/* journal-loop: the least that any reader of the journal has to do, to compare with.
 *
 *      journal-loop UNIT
 *
 * Counts the entries of a unit with one match, sd_journal_next() and the message's data, and prints how many there
 * were in which time. */
#include <remote-developer/clock.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <systemd/sd-journal.h>

static int count(sd_journal *j, const char *unit, uint64_t *ret_lines, uint64_t *ret_bytes) {
        _cleanup_free_ char *match = string_format("_SYSTEMD_UNIT=%s", unit);
        const void *data;
        size_t size;
        int r;

        r = match ? sd_journal_add_match(j, match, 0) : -ENOMEM;
        while (r >= 0 && (r = sd_journal_next(j)) > 0) {
                r = sd_journal_get_data(j, "MESSAGE", &data, &size);
                if (r < 0)
                        break;
                *ret_bytes += size;
                (*ret_lines)++;
        }
        return r;
}

int main(int argc, char *argv[]) {
        uint64_t lines = 0, bytes = 0;
        usec_t begin = clock_monotonic_usec();
        sd_journal *j = NULL;
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: journal-loop UNIT\n");
                return 2;
        }
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = count(j, argv[1], &lines, &bytes);
        sd_journal_close(j);
        if (r < 0) {
                fprintf(stderr, "journal-loop: %s\n", strerror(-r));
                return 1;
        }
        printf("{\"lines\": %llu, \"bytes\": %llu, \"seconds\": %.6f}\n", (unsigned long long) lines,
               (unsigned long long) bytes, (double) (clock_monotonic_usec() - begin) / USEC_PER_SEC);
        return 0;
}
