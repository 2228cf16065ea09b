/* The words and sentences of log-line.h. */
#include <remote-developer/log-line.h>

const char *const log_source_words[LOG_SOURCE_MAX] = {
        [LOG_SOURCE_STDOUT] = "stdout",
        [LOG_SOURCE_STDERR] = "stderr",
        [LOG_SOURCE_SYSTEM] = "system",
        [LOG_SOURCE_GAP] = "gap",
};

const char *const log_gap_words[LOG_GAP_REASON_MAX] = {
        [LOG_GAP_SUPPRESSED] = "suppressed",
        [LOG_GAP_VACUUMED] = "vacuumed",
        [LOG_GAP_UNSEARCHED] = "unsearched",
};

static const char *const gap_causes[LOG_GAP_REASON_MAX] = {
        [LOG_GAP_SUPPRESSED] = "journald's rate limit suppressed them",
        [LOG_GAP_VACUUMED] = "the journal does not have them any more",
        [LOG_GAP_UNSEARCHED] = "the expression has too many ways to match",
};

int log_line_describe_gap(const LogGap *gap, Buffer *to) {
        char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
        int r;

        if (gap->lines == LOG_GAP_LINES_UNKNOWN)
                r = buffer_append_string(to, "Lines may be missing here");
        else
                r = buffer_append_format(to, "%llu lines are missing here", (unsigned long long) gap->lines);
        if (r >= 0 && clock_is_set(gap->since))
                r = buffer_append_format(to, ", from %s", clock_format(gap->since, since));
        if (r >= 0 && clock_is_set(gap->since) && clock_is_set(gap->until))
                r = buffer_append_format(to, " to %s", clock_format(gap->until, until));
        return r < 0 ? r : buffer_append_format(to, ": %s", gap_causes[gap->reason]);
}
