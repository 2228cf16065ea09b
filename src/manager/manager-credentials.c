/* The secrets of a task are on disk for as long as an attempt may need them: until its verdict is there, without a
 * further attempt that is queued by itself; those of an operation until that has ended. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

void manager_drop_credentials(Manager *m, const char *id) {
        int r = task_store_remove_credentials(m->store, id);

        if (r < 0)
                log_task(LOG_WARNING, id, "Its secrets could not be removed, which is tried again at the start: %s",
                         strerror(-r));
}

/* Of an archived task nothing but the name is read at start. */
static bool has_operation(Manager *m, const TaskSummary *s) {
        _cleanup_(task_freep) Task *t = NULL;

        if (s->archived && manager_load_task(m, s, &t) >= 0)
                manager_take_up_operation(m, t);
        return manager_find_operation(m, s->id);
}

/* A document that this service cannot read is left to whoever can, and so are the secrets beside it. */
static bool is_needed(Manager *m, const char *id) {
        const TaskSummary *s = task_index_find(&m->index, id);
        _cleanup_free_ char *document = string_format("%s.json", id);

        if (s)
                return s->run || has_operation(m, s);
        return !document || task_store_has_file(m->store, document);
}

/* What systemd has read, or never will. */
static void drop_left_texts(Manager *m) {
        _cleanup_strv_ char **ids = NULL;
        int r;

        r = task_store_list_operations(m->store, &ids);
        for (size_t i = 0; r >= 0 && ids && ids[i]; i++)
                if (!is_needed(m, ids[i]))
                        r = task_store_remove_operation(m->store, ids[i]);
        if (r < 0)
                log_warning("Texts that are left of operations could not be removed: %s", strerror(-r));
}

void manager_drop_left_credentials(Manager *m) {
        _cleanup_strv_ char **ids = NULL;
        int r;

        r = task_store_list_credentials(m->store, &ids);
        if (r < 0)
                log_warning("Secrets that are left of tasks could not be looked for: %s", strerror(-r));
        for (size_t i = 0; r >= 0 && ids && ids[i]; i++) {
                if (is_needed(m, ids[i]))
                        continue;
                log_task(LOG_INFO, ids[i], "Its secrets are needed no more; they are removed");
                manager_drop_credentials(m, ids[i]);
        }
        drop_left_texts(m);
}
