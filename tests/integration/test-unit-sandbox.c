/* What systemd is told of a task's fence and limits: all properties behind the unit's own, with type and value, in
 * their order. The tables are the whole. */
#include "story.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define HOME "/home/user"
#define RUNTIME "/run/user/61234"

/* Nobody of the machine's: a user without a home. */
#define NOBODY "61234"

typedef struct Row {
        const char *name;
        const char *text; /* with placeholders, see story_expand() */
} Row;

/* What differs from the defaults. */
typedef struct Setting {
        RuntimeScope scope;
        Sandbox sandbox;
        const char *user;
        char **writable_paths;
        TaskLimits limits;
        bool no_namespaces;
        const char *request; /* NULL: the smallest */
} Setting;

#define NO_NEW_RIGHTS { "NoNewPrivileges", "b true" }, { "RestrictSUIDSGID", "b true" }
#define DENIED                                                                                               \
        { "SystemCallFilter", "(bas) (false, [\"@clock\", \"@cpu-emulation\", \"@module\", \"@obsolete\", "  \
                              "\"@raw-io\", \"@reboot\", \"@swap\"])" },                                     \
        { "SystemCallErrorNumber", "i 1" }
#define ALLOWED                                                                                              \
        { "SystemCallFilter", "(bas) (true, [\"@system-service\"])" }, { "SystemCallErrorNumber", "i 1" }
#define OWN_USERS { "PrivateUsers", "b true" }
#define OWN_TMP { "PrivateTmp", "b true" }
#define READ_ONLY { "ProtectSystem", "s \"strict\"" }
#define NO_HOMES { "ProtectHome", "s \"tmpfs\"" }
#define HIDDEN { "InaccessiblePaths", "as [\"-{state}\"]" }
#define HIDDEN_IN_SYSTEM { "InaccessiblePaths", "as [\"-{state}\", \"-/run/user\"]" }
#define BOUND(path) "(\"" path "\", \"" path "\", true, 16384)"
#define KERNEL { "ProtectKernelModules", "b true" }, { "ProtectKernelLogs", "b true" }
#define GROUPS { "ProtectControlGroups", "b true" }
#define TUNABLES { "ProtectKernelTunables", "b true" }
#define LAST                                                                                                 \
        { "RestrictNamespaces", "t 67108864" }, { "RestrictRealtime", "b true" },                            \
        { "LockPersonality", "b true" }, { "SystemCallArchitectures", "as [\"native\"]" }
#define FIRST_TO_GO { "OOMScoreAdjust", "i 300" }

static bool start(Story *s, const Setting *setting) {
        setenv("HOME", HOME, 1);
        setenv("XDG_RUNTIME_DIR", RUNTIME, 1);
        if (!story_open(s))
                return false;
        s->scope = setting->scope;
        s->no_namespaces = setting->no_namespaces;
        s->config.sandbox = setting->sandbox;
        s->config.limits = setting->limits;
        TAP_CHECK_INT(string_replace(&s->config.user, setting->user ?: NOBODY), 0);
        for (char *const *p = setting->writable_paths; p && *p; p++)
                TAP_CHECK_INT(strv_append(&s->config.writable_paths, *p), 0);
        return story_start_service(s) &&
               TAP_CHECK_INT(story_create(s, setting->request ?: "{\"command\": [\"make\"]}"), 0) &&
               TAP_CHECK(STORY_UNTIL(s, story_unit(s)));
}

/* The last one that is the same for every task. */
static size_t find_begin(Story *s) {
        size_t i = 0;

        while (i < story_unit(s)->n_properties &&
               !string_equal(story_unit(s)->properties[i].name, "TasksAccounting"))
                i++;
        return i + 1;
}

static void check(const Setting *setting, const Row *rows, size_t n) {
        _cleanup_(story_done) Story s = {};
        size_t begin;

        if (!start(&s, setting))
                return;
        begin = find_begin(&s);
        TAP_CHECK_INT(story_unit(&s)->n_properties - begin, n);
        for (size_t i = 0; i < n && begin + i < story_unit(&s)->n_properties; i++) {
                const FakeProperty *p = &story_unit(&s)->properties[begin + i];
                _cleanup_free_ char *text = story_expand(&s, rows[i].text);

                TAP_CHECK_STRING(p->name, rows[i].name);
                TAP_CHECK_STRING(p->text, text);
        }
}

#define CHECK(setting, ...)                                                                                  \
        do {                                                                                                 \
                static const Row rows[] = { __VA_ARGS__ };                                                   \
                                                                                                             \
                check(setting, rows, ELEMENTSOF(rows));                                                      \
        } while (0)

static void test_open(void) {
        static const Setting user = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_OPEN };
        static const Setting system = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_OPEN };

        CHECK(&user, FIRST_TO_GO);
        CHECK(&system, FIRST_TO_GO);
}

static void test_standard(void) {
        static const Setting user = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STANDARD };
        static const Setting system = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_STANDARD };

        CHECK(&user, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY, NO_HOMES,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" }, { "BindPaths", "a(ssbt) [" BOUND(HOME) "]" }, HIDDEN,
              GROUPS);
        CHECK(&system, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" }, HIDDEN_IN_SYSTEM, KERNEL);
}

static void test_strict(void) {
        static const Setting user = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STRICT };
        static const Setting system = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_STRICT };

        CHECK(&user, FIRST_TO_GO, NO_NEW_RIGHTS, ALLOWED, OWN_USERS, OWN_TMP, READ_ONLY, NO_HOMES,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" }, HIDDEN,
              { "BindReadOnlyPaths", "a(ssbt) [" BOUND(HOME) "]" }, TUNABLES, GROUPS,
              { "RestrictAddressFamilies", "(bas) (true, [\"AF_UNIX\"])" }, LAST);
        CHECK(&system, FIRST_TO_GO, NO_NEW_RIGHTS, ALLOWED, OWN_USERS, OWN_TMP, READ_ONLY,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" },
              { "InaccessiblePaths", "as [\"-{state}\", \"-/run/user\", \"-/run/remote-developer/api.sock\"]" },
              KERNEL, TUNABLES, GROUPS, { "PrivateNetwork", "b true" },
              { "RestrictAddressFamilies", "(bas) (true, [\"AF_UNIX\", \"AF_INET\", \"AF_INET6\", \"AF_NETLINK\"])" },
              { "PrivateDevices", "b true" }, { "PrivateIPC", "b true" }, { "ProtectClock", "b true" },
              { "ProtectHostname", "b true" }, { "ProtectProc", "s \"invisible\"" },
              { "CapabilityBoundingSet", "t 0" }, LAST);
}

/* Whose home is known, and for whom the rights of files forbid nothing. */
static void test_root(void) {
        static const Setting system = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_STANDARD, .user = "root" };

        CHECK(&system, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY,
              { "ReadWritePaths", "as [\"-/root\", \"-/srv/workspaces\"]" }, HIDDEN_IN_SYSTEM,
              KERNEL, TUNABLES, GROUPS);
}

/* systemd would leave out the rest, and say nothing. */
static void test_without_namespaces(void) {
        static const Setting user = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STANDARD, .no_namespaces = true };
        static const Setting strict = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STRICT, .no_namespaces = true };

        CHECK(&user, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED);
        CHECK(&strict, FIRST_TO_GO, NO_NEW_RIGHTS, ALLOWED,
              { "RestrictAddressFamilies", "(bas) (true, [\"AF_UNIX\"])" }, LAST);
}

static void test_secrets(void) {
        static const char request[] = "{\"command\": [\"make\"], \"secrets\": {\"KEY\": \"value-of-it\"}}";
        static const Setting user = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STANDARD, .request = request };
        static const Setting system = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_STANDARD, .request = request };
        static const Setting open = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_OPEN, .request = request };

        CHECK(&user, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY, NO_HOMES,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" }, { "BindPaths", "a(ssbt) [" BOUND(HOME) "]" }, HIDDEN,
              { "BindReadOnlyPaths", "a(ssbt) [" BOUND(RUNTIME "/credentials/{unit}") "]" }, GROUPS);
        CHECK(&system, FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY,
              { "ReadWritePaths", "as [\"-/srv/workspaces\"]" }, HIDDEN_IN_SYSTEM,
              { "BindReadOnlyPaths", "a(ssbt) [(\"/run/credentials/{unit}\", \"/run/remote-developer/credentials\", "
                                     "true, 16384)]" }, KERNEL);
        CHECK(&open, FIRST_TO_GO);
}

#define IN(directory) "{\"command\": [\"make\"], \"working_directory\": \"" directory "\"}"
#define SYSTEM_WITH(...) FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, __VA_ARGS__, HIDDEN_IN_SYSTEM, KERNEL
#define IN_USER(...)                                                                                         \
        FIRST_TO_GO, NO_NEW_RIGHTS, DENIED, OWN_USERS, OWN_TMP, READ_ONLY, NO_HOMES, __VA_ARGS__, HIDDEN, GROUPS
#define WRITABLE(paths) { "ReadWritePaths", "as [\"-/srv/workspaces\"" paths "]" }

static Setting working_in(RuntimeScope scope, const char *request) {
        return (Setting){ scope, .sandbox = SANDBOX_STANDARD, .request = request };
}

static void test_working_directories(void) {
        Setting s = working_in(RUNTIME_SCOPE_SYSTEM, IN("/srv/a b"));

        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/srv/a b\"")));
        s.request = IN("/srv/workspaces//tree/");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE("")));
        s.request = IN("/srv/workspacestree");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/srv/workspacestree\"")));
        /* Where all may write nothing is mounted: who works there shares it. */
        s.request = IN("/tmp/tree");
        CHECK(&s, SYSTEM_WITH(READ_ONLY, WRITABLE(", \"-/tmp\", \"-/var/tmp\"")));
        s.request = IN("/var/tmp/a b");
        CHECK(&s, SYSTEM_WITH(READ_ONLY, WRITABLE(", \"-/var/tmp\", \"-/tmp\"")));
        s.request = IN("/tmp/");
        CHECK(&s, SYSTEM_WITH(READ_ONLY, WRITABLE(", \"-/tmp\", \"-/var/tmp\"")));
        s.request = IN("/tmpx");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/tmpx\"")));
        /* What systemd could not read again. */
        s.request = IN("/srv/quo\\\"te/x");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/srv\"")));
        s.request = IN("/quo\\\"te");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE("")));
        s.request = IN("/\\\"quo");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE("")));
        /* The root itself: what its request says. */
        s.request = IN("/");
        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/\"")));
}

static void test_working_directories_of_a_user(void) {
        Setting s = working_in(RUNTIME_SCOPE_USER, IN(HOME "/tree"));

        CHECK(&s, IN_USER(WRITABLE(""), { "BindPaths", "a(ssbt) [" BOUND(HOME) "]" }));
        s.request = IN(HOME "else");
        CHECK(&s, IN_USER(WRITABLE(""), { "BindPaths", "a(ssbt) [" BOUND(HOME) ", " BOUND(HOME "else") "]" }));
        s.request = IN("/srv/tree");
        CHECK(&s, IN_USER(WRITABLE(", \"-/srv/tree\""), { "BindPaths", "a(ssbt) [" BOUND(HOME) "]" }));
}

static void test_configured_paths(void) {
        static char *paths[] = { (char *) "/srv/results", (char *) "/var/cache/x y", (char *) "/srv/results/new",
                                 NULL };
        static const Setting s = { RUNTIME_SCOPE_SYSTEM, .sandbox = SANDBOX_STANDARD, .writable_paths = paths };

        CHECK(&s, SYSTEM_WITH(OWN_TMP, READ_ONLY, WRITABLE(", \"-/srv/results\", \"-/var/cache/x y\"")));
}

static void test_limits(void) {
        static const char request[] = "{\"command\": [\"make\"],"
                                      " \"limits\": {\"memory_max\": \"64M\", \"cpu_quota\": 25}}";
        static const Setting ceilings = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_OPEN,
                                          .limits = { 1 << 30, 150, 99, 50 } };
        static const Setting asked = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_OPEN, .limits = { 1 << 30, 150, 99, 50 },
                                       .request = request };

        CHECK(&ceilings, FIRST_TO_GO, { "MemoryMax", "t 1073741824" }, { "CPUQuotaPerSecUSec", "t 1500000" },
              { "TasksMax", "t 99" }, { "IOWeight", "t 50" });
        CHECK(&asked, FIRST_TO_GO, { "MemoryMax", "t 67108864" }, { "CPUQuotaPerSecUSec", "t 250000" },
              { "TasksMax", "t 99" }, { "IOWeight", "t 50" });
}

/* Under the name of the link the state would lie open. */
static void test_home_is_a_link(void) {
        _cleanup_free_ char *link = NULL, *should = NULL;
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        link = string_format("%s-link", s.scratch.path);
        TAP_CHECK_INT(symlink(s.scratch.path, link), 0);
        setenv("HOME", link, 1);
        if (story_start_service(&s) && TAP_CHECK_INT(story_create(&s, "{\"command\": [\"make\"]}"), 0) &&
            TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)))) {
                should = string_format("as [\"-%s\", \"-%s/tasks\"]", s.state, link);
                TAP_CHECK_STRING(fake_unit_property(story_unit(&s), "InaccessiblePaths"), should);
        }
        TAP_CHECK_INT(unlink(link), 0);
}

/* The document says what the attempt had, whatever the configuration becomes. */
static void test_the_document_tells(void) {
        static const Setting strict = { RUNTIME_SCOPE_USER, .sandbox = SANDBOX_STRICT };
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *text = NULL;

        if (!start(&s, &strict))
                return;
        story_settle(&s);
        text = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(text, "\"sandbox\":\"strict\"");
}

static const TapTest tests[] = {
        { "open", test_open },
        { "standard", test_standard },
        { "strict", test_strict },
        { "tasks of root", test_root },
        { "a user without namespaces", test_without_namespaces },
        { "secrets", test_secrets },
        { "where the work is", test_working_directories },
        { "where the work of a user's task is", test_working_directories_of_a_user },
        { "paths of the configuration", test_configured_paths },
        { "limits", test_limits },
        { "a home that is a link", test_home_is_a_link },
        { "the document tells how it was fenced in", test_the_document_tells },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
