/* remote-developer-step devpod --name=NAME: has DevPod start the workspace of that name and finds its pod, and
 * remote-developer-step pod --namespace=NS --pod=POD: takes one that is there.
 *
 * A workspace that DevPod does not know yet is made on Kubernetes from an empty directory, as the original does: what
 * a task works on comes into it later. */
#include "pod.h"

#include <remote-developer/files.h>
#include <remote-developer/json.h>
#include <remote-developer/strings.h>

#include <stdio.h>

#define DEVPOD_NAMESPACE "devpod"
#define DEVPOD_LABEL "devpod.sh/workspace"
#define DEVPOD_DIRECTORIES "devpods"
#define LOOKUP_TIMEOUT "--request-timeout=30s"
#define LABEL_MAX 63 /* of Kubernetes, for a value */

/* --- what kubectl tells of pods --- */

static int parse(Step *s, const char *program, const RunResult *r, Json **ret) {
        _cleanup_(problem_done) Problem why = PROBLEM_NULL;

        if (json_parse(r->output.data, r->output.size, ret, &why) >= 0)
                return 0;
        return problem_set(&s->problem, -EBADMSG, NULL, "%s gave no JSON: %s", program, problem_sentence(&why));
}

static const char *name_of(const Json *pod) {
        return json_get_string(json_get(pod, "metadata"), "name") ?: "";
}

/* In one that is being deleted nothing is begun. */
static const char *phase_of(const Json *pod) {
        if (json_get(json_get(pod, "metadata"), "deletionTimestamp"))
                return "Terminating";
        return json_get_string(json_get(pod, "status"), "phase") ?: "Unknown";
}

static int check_running(Step *s, const Json *pod, const char *namespace) {
        if (string_equal(phase_of(pod), "Running"))
                return 0;
        return problem_set(&s->problem, -ENOTCONN, NULL, "The pod %s in the namespace %s does not run: it is %s",
                           name_of(pod), namespace, phase_of(pod));
}

/* Exactly one runs; of those that do not the first is told when none does. */
static int choose(Step *s, const Json *list, const char *name, const Json **ret) {
        const Json *items = json_get(list, "items"), *running = NULL;

        for (size_t i = 0; items && i < json_length(items); i++) {
                const Json *pod = json_at(items, i);

                if (!string_equal(phase_of(pod), "Running"))
                        continue;
                if (running)
                        return problem_set(&s->problem, -ENOTUNIQ, NULL,
                                           "More than one pod runs for the DevPod workspace %s: %s and %s", name,
                                           name_of(running), name_of(pod));
                running = pod;
        }
        if (!running && items && json_length(items) > 0)
                return check_running(s, json_at(items, 0), DEVPOD_NAMESPACE);
        if (!running)
                return problem_set(&s->problem, -ENOENT, NULL,
                                   "DevPod started the workspace %s, but there is no pod with the label "
                                   DEVPOD_LABEL "=%s in the namespace " DEVPOD_NAMESPACE, name, name);
        *ret = running;
        return 0;
}

/* --- devpod --- */

/* `devpod list --output json`: [{"id": "name", …}, …] */
static int is_known(Step *s, const char *name) {
        const char *const argv[] = { "devpod", "list", "--output", "json", NULL };
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_json_ Json *list = NULL;
        int r = pod_run_program(s, argv, &result);

        if (r >= 0)
                r = parse(s, "devpod list", &result, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_length(list); i++)
                if (string_equal(json_get_string(json_at(list, i), "id"), name))
                        return 1;
        return 0;
}

static int make_source(Step *s, const char *name, char **ret) {
        _cleanup_free_ char *path = string_format("%s/" DEVPOD_DIRECTORIES "/%s", s->root, name);
        _cleanup_close_ int fd = path ? step_open_directory(s, path) : -ENOMEM;

        if (fd < 0)
                return fd;
        *ret = string_format("local:%s", path);
        return *ret ? 0 : -ENOMEM;
}

static int bring_up(Step *s, const char *name) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *source = NULL;
        int r = is_known(s, name);

        if (r == 0)
                r = make_source(s, name, &source);
        if (r < 0)
                return r;
        {
                const char *const known[] = { "devpod", "up", name, "--ide", "none", NULL };
                const char *const anew[] = { "devpod", "up", name, "--ide", "none", "--provider", "kubernetes",
                                             "--source", source, NULL };

                return pod_run_program(s, source ? anew : known, &result);
        }
}

static int find(Step *s, const char *name) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *selector = string_format(DEVPOD_LABEL "=%s", name);
        _cleanup_json_ Json *list = NULL;
        const Json *pod = NULL;
        const char *const argv[] = { "kubectl", "get", "pods", "--namespace", DEVPOD_NAMESPACE, "--selector",
                                     selector, "--output", "json", LOOKUP_TIMEOUT, NULL };
        int r = selector ? pod_run_program(s, argv, &result) : -ENOMEM;

        if (r >= 0)
                r = parse(s, "kubectl", &result, &list);
        if (r >= 0)
                r = choose(s, list, name, &pod);
        if (r >= 0 && !pod_name_is_valid(name_of(pod)))
                r = problem_set(&s->problem, -EBADMSG, NULL, "kubectl gave a pod without a name");
        return r < 0 ? r : pod_remember(s, DEVPOD_NAMESPACE, name_of(pod));
}

int step_devpod(Step *s) {
        int r;

        if (!pod_name_is_valid(s->name) || strlen(s->name) > LABEL_MAX)
                return problem_set(&s->problem, -EINVAL, "devpod_name",
                                   "\"%.*s\" is no name of a DevPod workspace: write small letters, digits, - and .",
                                   PROBLEM_VALUE_MAX, s->name);
        r = bring_up(s, s->name);
        return r < 0 ? r : find(s, s->name);
}

/* --- a pod that is there --- */

static int check_name(Step *s, const char *field, const char *name) {
        if (pod_name_is_valid(name))
                return 0;
        return problem_set(&s->problem, -EINVAL, field,
                           "\"%.*s\" is no name of Kubernetes: write small letters, digits, - and .",
                           PROBLEM_VALUE_MAX, name);
}

int step_pod(Step *s) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_json_ Json *pod = NULL;
        const char *const argv[] = { "kubectl", "get", "pod", s->pod, "--namespace", s->namespace, "--output", "json",
                                     LOOKUP_TIMEOUT, NULL };
        int r = check_name(s, "namespace", s->namespace);

        if (r >= 0)
                r = check_name(s, "pod", s->pod);
        if (r >= 0)
                r = pod_run_program(s, argv, &result);
        if (r >= 0)
                r = parse(s, "kubectl", &result, &pod);
        if (r >= 0)
                r = check_running(s, pod, s->namespace);
        return r < 0 ? r : pod_remember(s, s->namespace, s->pod);
}
