/* Counting: see counting.h. */
#include "counting.h"

#include <remote-developer/strings.h>

bool counting_begin(Story *s, unsigned interval) {
        if (!story_has_journal() || !story_open(s))
                return false;
        s->config.status_save_interval = interval;
        return story_start_service(s);
}

bool counting_has(Story *s, uint64_t lines) {
        return STORY_UNTIL(s, story_task(s)->log_lines == lines);
}

uint64_t counting_on_disk(Story *s) {
        _cleanup_free_ char *document = story_read(s, ".json");
        const char *at = document ? strstr(document, "\"log_lines\":") : NULL;

        return TAP_CHECK(at) ? strtoull(at + strlen("\"log_lines\":"), NULL, 10) : 0;
}

bool counting_die(Story *s) {
        story_log(s, "1", "2", "3", "4", "5", NULL);
        if (!TAP_CHECK(STORY_UNTIL(s, counting_on_disk(s) == 5)))
                return false;
        story_stop_service(s);
        return true;
}

void counting_edit(Story *s, const char *from, const char *to) {
        _cleanup_free_ char *document = story_read(s, ".json"), *edited = NULL;
        char *at = document ? strstr(document, from) : NULL;

        if (!TAP_CHECK(at))
                return;
        *at = 0;
        edited = string_format("%s%s%s", document, to, at + strlen(from));
        story_write(s, ".json", edited);
}
