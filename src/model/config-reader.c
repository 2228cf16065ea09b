/* ConfigReader: fills a Config from a YAML file. The walker knows YAML (config-walker.h), this file the sections and
 * their keys, config-recipes.c what stands below `recipes`.
 *
 * The file is a mapping of sections, each a mapping of keys to plain values or lists of them: so the functions nest as
 * the file does: root, section, key, value.
 *
 * Invariants: every way out with an error goes through config_walker_refuse(), which says file:line:column and what
 * would be right; what is read goes into a copy, which replaces the caller's Config only when the whole file is right.
 *
 * What may surprise: quoted numbers are refused because to every other YAML reader they are text.
 */
#include "config-recipes.h"
#include "config-walker.h"

#include <remote-developer/config-key.h>
#include <remote-developer/strings.h>

#include <inttypes.h>

typedef struct Reader {
        ConfigWalker *walker;
        Config config; /* what the caller had, and what was read over it; owned */
        const char *section;
        const ConfigKey *key;
        bool section_seen[CONFIG_SECTIONS];
        bool key_seen[CONFIG_KEYS];
        ConfigPlace key_place[CONFIG_KEYS]; /* where the value began */
} Reader;

static void reader_done(Reader *reader) {
        config_walker_free(reader->walker);
        config_done(&reader->config);
}

static const ConfigEvent *look(const Reader *reader) {
        return config_walker_event(reader->walker);
}

/* Values */

static int refuse_value(Reader *reader, const char *field) {
        char right[CONFIG_DESCRIPTION_SIZE];
        _cleanup_free_ char *quoted = config_key_quote(look(reader)->text);

        if (!quoted)
                return -ENOMEM;
        return config_walker_refuse(reader->walker, field, "%s must be %s, not %s", field,
                                    config_key_describe(reader->key, right), quoted);
}

/* Nothing, or a list where a text belongs, or the other way round. */
static int refuse_shape(Reader *reader, const char *field) {
        static const char *const shapes[] = { "text", "mapping", "list" };
        const char *shape = look(reader)->kind < ELEMENTSOF(shapes) ? shapes[look(reader)->kind] : "that";
        char right[CONFIG_DESCRIPTION_SIZE];

        config_key_describe(reader->key, right);
        if (config_walker_is_null(reader->walker))
                return config_walker_refuse(reader->walker, field,
                                            "%s has no value; it must be %s, or remove the line to keep the default, "
                                            "%s", field, right,
                                            *reader->key->default_text ? reader->key->default_text : "\"\"");
        return config_walker_refuse(reader->walker, field, "%s must be %s, not a %s", field, right, shape);
}

/* Takes the text that is looked at. */
static int take_text(Reader *reader, const char *field) {
        int k;

        k = config_key_set(reader->key, &reader->config, look(reader)->text);
        if (k == -EINVAL)
                return refuse_value(reader, field);
        if (k == -E2BIG)
                return config_walker_refuse(reader->walker, field, "%s has more than %zu items", field,
                                            CONFIG_PATTERNS_MAX);
        return k;
}

static int take_item(ConfigWalker *w, void *userdata) {
        Reader *reader = userdata;
        _cleanup_free_ char *field = string_format("%s.%s", reader->section, reader->key->name);

        if (!field)
                return -ENOMEM;
        if (look(reader)->kind != CONFIG_EVENT_TEXT || config_walker_is_null(w))
                return config_walker_refuse(w, field, "an item of %s must be one text", field);
        return take_text(reader, field);
}

static int read_list(Reader *reader, const char *field) {
        char ***items = (char ***) ((char *) &reader->config + reader->key->offset);

        if (look(reader)->kind != CONFIG_EVENT_LIST)
                return refuse_shape(reader, field);
        *items = strv_free(*items);
        return config_walker_list(reader->walker, take_item, reader);
}

static bool kind_is_quotable(ConfigKind kind) {
        return kind == CONFIG_USER || kind == CONFIG_ACTION || kind == CONFIG_STALL || kind == CONFIG_DIRECTORY ||
               kind == CONFIG_SANDBOX || kind == CONFIG_MEMORY;
}

static bool kind_is_list(ConfigKind kind) {
        return kind == CONFIG_PATTERNS || kind == CONFIG_PATHS || kind == CONFIG_HOSTS;
}

static int read_value(Reader *reader, const char *field) {
        int k;

        k = config_walker_next(reader->walker);
        if (k < 0)
                return k;
        reader->key_place[reader->key - config_keys] = look(reader)->at;
        if (kind_is_list(reader->key->kind))
                return read_list(reader, field);
        if (look(reader)->kind != CONFIG_EVENT_TEXT || config_walker_is_null(reader->walker))
                return refuse_shape(reader, field);

        k = take_text(reader, field);
        if (k < 0)
                return k;
        if (!look(reader)->is_plain && !kind_is_quotable(reader->key->kind))
                return config_walker_refuse(reader->walker, field, "%s must stand without quotes: %s", field,
                                            look(reader)->text);
        return 0;
}

/* Names */

static int refuse_unknown(Reader *reader, const char *section) {
        _cleanup_free_ char *quoted = config_key_quote(look(reader)->text);
        _cleanup_(buffer_done) Buffer advice = BUFFER_NULL;
        int k;

        if (!quoted)
                return -ENOMEM;
        k = config_key_advise(section, look(reader)->text, &advice);
        if (k < 0)
                return k;
        if (!section)
                return config_walker_refuse(reader->walker, NULL, "unknown section %s; %s", quoted, advice.data);
        return config_walker_refuse(reader->walker, section, "unknown key %s in %s; %s", quoted, section,
                                    advice.data);
}

static int read_key(ConfigWalker *w, void *userdata) {
        Reader *reader = userdata;
        _cleanup_free_ char *field = NULL;
        size_t i;

        reader->key = config_key_find(reader->section, look(reader)->text);
        if (!reader->key)
                return refuse_unknown(reader, reader->section);
        field = string_format("%s.%s", reader->section, reader->key->name);
        if (!field)
                return -ENOMEM;

        i = (size_t) (reader->key - config_keys);
        if (reader->key_seen[i])
                return config_walker_refuse(w, field,
                                            "%s is here for the second time, after line %zu; keep one of them", field,
                                            reader->key_place[i].line);
        reader->key_seen[i] = true;
        return read_value(reader, field);
}

static int read_keys(Reader *reader) {
        if (string_equal(reader->section, CONFIG_RECIPES))
                return config_recipes_read(reader->walker, &reader->config);
        return config_walker_mapping(reader->walker, reader->section, "key", read_key, reader);
}

static int read_section(ConfigWalker *w, void *userdata) {
        Reader *reader = userdata;
        int i = string_table_lookup(config_sections, CONFIG_SECTIONS, look(reader)->text), k;

        if (i < 0)
                return refuse_unknown(reader, NULL);
        reader->section = config_sections[i];
        if (reader->section_seen[i])
                return config_walker_refuse(w, reader->section,
                                            "the section %s is here for the second time; put its keys together",
                                            reader->section);
        reader->section_seen[i] = true;

        k = config_walker_next(w);
        if (k < 0)
                return k;
        /* What remains when all keys of a section are made comments. */
        if (config_walker_is_empty(w))
                return 0;
        if (look(reader)->kind != CONFIG_EVENT_MAPPING)
                return config_walker_refuse(w, reader->section,
                                            "the section %s must hold indented lines of the form \"key: value\"",
                                            reader->section);
        return read_keys(reader);
}

/* A silence must be broken before it ends the connection. Both may be fine for themselves, so this is
 * looked at when the whole file was read; the place is that of the timeout if the file names it. */
static int check_across_keys(Reader *reader) {
        const ConfigKey *timeout = config_key_find("connection", "sse_timeout");
        const ConfigKey *heartbeat = config_key_find("connection", "sse_heartbeat_interval");
        const ConfigKey *blame = reader->key_seen[timeout - config_keys] ? timeout : heartbeat;
        const Config *c = &reader->config;
        _cleanup_free_ char *field = NULL;

        if (c->sse_timeout_usec > c->sse_heartbeat_interval_usec)
                return 0;
        field = string_format("%s.%s", blame->section, blame->name);
        if (!field)
                return -ENOMEM;
        return config_walker_refuse_at(reader->walker, reader->key_place[blame - config_keys], field,
                                       "connection.sse_timeout (%" PRIu64 " s) must be longer than "
                                       "connection.sse_heartbeat_interval (%" PRIu64 " s)",
                                       c->sse_timeout_usec / USEC_PER_SEC,
                                       c->sse_heartbeat_interval_usec / USEC_PER_SEC);
}

static int read_root(Reader *reader) {
        int k;

        k = config_walker_next(reader->walker);
        if (k < 0)
                return k;
        if (config_walker_is_empty(reader->walker))
                return 0;
        if (look(reader)->kind != CONFIG_EVENT_MAPPING)
                return config_walker_refuse(reader->walker, NULL,
                                            "the file must hold sections, such as \"%s:\", with their keys indented "
                                            "below", config_sections[0]);
        return config_walker_mapping(reader->walker, NULL, "section", read_section, reader);
}

/* The events around the root: stream, document, root, end of document, end of stream. */
static int read_stream(Reader *reader) {
        ConfigWalker *w = reader->walker;
        int k;

        k = config_walker_next(w);
        if (k >= 0)
                k = config_walker_next(w);
        if (k < 0)
                return k;
        if (look(reader)->kind == CONFIG_EVENT_FILE_END)
                return 0;

        k = read_root(reader);
        if (k >= 0)
                k = config_walker_next(w);
        if (k >= 0)
                k = config_walker_next(w);
        if (k < 0)
                return k;
        if (look(reader)->kind != CONFIG_EVENT_FILE_END)
                return config_walker_refuse(w, NULL, "a second document begins here; one file holds one document");
        return check_across_keys(reader);
}

static int copy_config(const Config *c, Config *ret) {
        Config copy = *c;
        int k;

        copy.user = copy.workspaces_directory = NULL;
        copy.allowed_repositories = copy.writable_paths = copy.hosts = NULL;
        copy.recipes = NULL;
        copy.n_recipes = 0;
        k = string_replace(&copy.user, c->user);
        if (k >= 0)
                k = string_replace(&copy.workspaces_directory, c->workspaces_directory);
        if (k >= 0)
                k = strv_copy(c->allowed_repositories, &copy.allowed_repositories);
        if (k >= 0)
                k = strv_copy(c->writable_paths, &copy.writable_paths);
        if (k >= 0)
                k = strv_copy(c->hosts, &copy.hosts);
        if (k >= 0)
                k = recipe_list_copy(c->recipes, c->n_recipes, &copy.recipes);
        if (k < 0) {
                config_done(&copy);
                return k;
        }
        copy.n_recipes = c->n_recipes;
        *ret = copy;
        return 0;
}

static int read_into_copy(Config *c, const char *name, const char *data, size_t size, Problem *problem) {
        _cleanup_(reader_done) Reader reader = {};
        Config before;
        int k;

        k = config_walker_new(name, data, size, problem, &reader.walker);
        if (k >= 0)
                k = copy_config(c, &reader.config);
        if (k >= 0)
                k = read_stream(&reader);
        if (k < 0)
                return k;

        before = *c;
        *c = reader.config;
        reader.config = before;
        return 0;
}

int config_read(Config *c, const char *name, const char *data, size_t size, Problem *problem) {
        int k;

        if (size > CONFIG_SIZE_MAX)
                return problem_set(problem, -EFBIG, NULL, "%s: a configuration holds 1 MiB at most", name);
        k = read_into_copy(c, name, data, size, problem);
        if (k == -ENOMEM)
                return problem_set(problem, k, NULL, "%s: not enough memory to read it", name);
        return k;
}
