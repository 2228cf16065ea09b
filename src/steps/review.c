/* Review: see review.h. */
#include "review.h"

#include "report.h"

#include <remote-developer/strings.h>

/* What the list of files may take of the report, with room for the rest. Quoting in JSON at most doubles it, since git
 * itself quotes all but plain letters. */
#define FILES_MAX (WORKSPACE_REPORT_MAX / 2 - 4096)

int review_add_files(Json *report, const char *status) {
        _cleanup_json_ Json *files = json_new_array();
        size_t size = 0;
        bool is_cut = false;
        int r = files ? 0 : -ENOMEM;

        while (r >= 0 && *status && !is_cut) {
                size_t n = strcspn(status, "\n");
                _cleanup_free_ char *line = strndup(status, n);

                size += n + 4;
                is_cut = size > FILES_MAX;
                if (!is_cut)
                        r = line ? json_push(files, json_new_string(line)) : -ENOMEM;
                status += n + (status[n] == '\n');
        }
        if (r >= 0)
                r = json_set(report, "modified_files", TAKE_PTR(files));
        return r < 0 ? r : json_set_bool(report, "modified_files_truncated", is_cut);
}

int review_cut_diff(Buffer *diff) {
        static const char words[] = "[cut here: the whole diff is longer than 1 MiB]\n";
        size_t end = MIN_OF(diff->size, WORKSPACE_DIFF_MAX - strlen(words));

        while (end > 0 && diff->data[end - 1] != '\n')
                end--;
        if (end == 0)
                buffer_clear(diff);
        buffer_cut(diff, end);
        return buffer_append_string(diff, words);
}

int review_add_nothing(Step *s, Json *report) {
        int r = json_set(report, "modified_files", json_new_array());

        if (r >= 0)
                r = json_set_bool(report, "has_changes", false);
        if (r >= 0)
                r = json_set_uint64(report, "diff_bytes", 0);
        return r < 0 ? r : report_write_bytes(s, WORKSPACE_DIFF, &(Buffer){});
}
