/* ConfigReader: walks a YAML file by libyaml's events and fills a Config. Only this file knows libyaml.
 *
 * The file is a mapping of sections, each a mapping of keys to plain values: two levels and nothing else.
 * So the functions nest as the file does: stream, root, section, key, value. Events are looked at one at a
 * time and never kept, so nothing that a file says can make the reader recurse or its memory grow.
 *
 * Invariants: every way out with an error goes through refuse(), which says file:line:column and what
 * would be right; what is read goes into a copy, which replaces the caller's Config only when the whole
 * file is right.
 *
 * What may surprise: this reads less than YAML. Anchors, aliases and tags are refused wherever they stand,
 * in reader_next(), the one place that every event passes. Quoted numbers are refused because to every
 * other YAML reader they are text. libyaml's marks count characters from 0; people count from 1.
 */
#include <remote-developer/config-key.h>
#include <remote-developer/strings.h>

#include <inttypes.h>
#include <stdarg.h>
#include <yaml.h>

typedef struct Reader {
        yaml_parser_t parser;
        yaml_event_t event; /* the one that is looked at; owned */
        const char *name;   /* of the file */
        const char *data;   /* without a byte order mark */
        size_t size;
        Problem *problem;

        Config config; /* what the caller had, and what was read over it; owned */
        bool section_seen[CONFIG_SECTIONS];
        bool key_seen[CONFIG_KEYS];
        yaml_mark_t key_mark[CONFIG_KEYS]; /* where the value began */
} Reader;

static void reader_done(Reader *reader) {
        yaml_event_delete(&reader->event);
        yaml_parser_delete(&reader->parser);
        config_done(&reader->config);
}

static _printf_(4, 5) int
refuse(Reader *reader, yaml_mark_t at, const char *field, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (n < 0) {
                sentence = NULL;
                return -ENOMEM;
        }
        return problem_set(reader->problem, -EINVAL, field, "%s:%zu:%zu: %s", reader->name, at.line + 1,
                           at.column + 1, sentence);
}

/* Of a UTF-8 sequence, not its first byte. */
static bool is_continuation(char c) {
        return (c & 0xc0) == 0x80;
}

/* Syntax: what libyaml itself refuses */

/* The place of a byte, for what is wrong before there are characters to count. */
static yaml_mark_t mark_of_byte(const Reader *reader, size_t offset) {
        yaml_mark_t mark = {};

        for (size_t i = 0; i < offset && i < reader->size; i++) {
                char c = reader->data[i];

                if (c == '\n' || (c == '\r' && (i + 1 >= reader->size || reader->data[i + 1] != '\n'))) {
                        mark.line++;
                        mark.column = 0;
                } else if (c != '\r' && !is_continuation(c))
                        mark.column++;
        }
        return mark;
}

static bool is_tab(const Reader *reader, yaml_mark_t mark) {
        size_t i = 0;

        for (size_t characters = mark.index; characters > 0 && i < reader->size; characters--)
                do
                        i++;
                while (i < reader->size && is_continuation(reader->data[i]));
        return i < reader->size && reader->data[i] == '\t';
}

static int refuse_bytes(Reader *reader) {
        const yaml_parser_t *p = &reader->parser;
        yaml_mark_t mark = mark_of_byte(reader, p->problem_offset);

        /* libyaml gives the character where one could be read, and the byte, or -1, where none could. */
        if (strstr(p->problem, "control characters"))
                return refuse(reader, mark, NULL, "%s (here U+%04X); remove it", p->problem,
                              (unsigned) p->problem_value);
        return refuse(reader, mark, NULL, "the file must be text in UTF-8, not in another encoding (%s)",
                      p->problem);
}

static int refuse_syntax(Reader *reader) {
        const yaml_parser_t *p = &reader->parser;
        const char *remedy = is_tab(reader, p->problem_mark) ? "; indent with spaces, not with tabs" : "";

        /* A context that begins where the problem is adds nothing to it. */
        if (!p->context || p->context_mark.index >= p->problem_mark.index)
                return refuse(reader, p->problem_mark, NULL, "this is not YAML: %s%s", p->problem, remedy);
        return refuse(reader, p->problem_mark, NULL, "this is not YAML: %s, %s that began in line %zu%s",
                      p->problem, p->context, p->context_mark.line + 1, remedy);
}

static int refuse_broken(Reader *reader) {
        switch (reader->parser.error) {
        case YAML_MEMORY_ERROR:
                return -ENOMEM;
        case YAML_READER_ERROR:
                return refuse_bytes(reader);
        default:
                return refuse_syntax(reader);
        }
}

/* Whether it may be the last byte of a line break: LF, CR, and in UTF-8 NEL, LS and PS for YAML 1.1. */
static bool is_line_end(char c) {
        return c == '\n' || c == '\r' || is_continuation(c);
}

/* libyaml compares each %TAG directive with all before it, inside one call: 1 MiB of them takes ten
 * seconds. Tags are refused anyway, so this looks for them first. A directive begins its line. */
static int refuse_tag_directives(Reader *reader) {
        static const char directive[] = "%TAG";
        const char *end = reader->data + reader->size, *p = reader->data;

        while ((p = memmem(p, (size_t) (end - p), directive, strlen(directive)))) {
                if (p == reader->data || is_line_end(p[-1]))
                        return refuse(reader, mark_of_byte(reader, (size_t) (p - reader->data)), NULL,
                                      "tags and so %%TAG are not accepted; remove the line");
                p += strlen(directive);
        }
        return 0;
}

/* Events */

static const char *event_text(const Reader *reader) {
        assert(reader->event.type == YAML_SCALAR_EVENT);
        return (const char *) reader->event.data.scalar.value;
}

/* What the event carries beside its value: aliases could make a small file large, and a tag would make a
 * value mean something else than what stands there. */
static int refuse_decoration(Reader *reader) {
        const yaml_event_t *e = &reader->event;
        const yaml_char_t *anchor = NULL, *tag = NULL;

        if (e->type == YAML_ALIAS_EVENT)
                return refuse(reader, e->start_mark, NULL,
                              "aliases (*name) are not accepted; write the value itself");
        if (e->type == YAML_SCALAR_EVENT) {
                anchor = e->data.scalar.anchor;
                tag = e->data.scalar.tag;
        } else if (e->type == YAML_MAPPING_START_EVENT) {
                anchor = e->data.mapping_start.anchor;
                tag = e->data.mapping_start.tag;
        } else if (e->type == YAML_SEQUENCE_START_EVENT) {
                anchor = e->data.sequence_start.anchor;
                tag = e->data.sequence_start.tag;
        }
        if (anchor)
                return refuse(reader, e->start_mark, NULL,
                              "anchors (&name) are not accepted; write the value alone");
        if (tag)
                return refuse(reader, e->start_mark, NULL,
                              "tags (!name) are not accepted; write the value alone");
        return 0;
}

/* From here on a scalar is a C string. Only "\0" in double quotes can say NUL: in the file itself it is a
 * control character. */
static int refuse_nul(Reader *reader) {
        const yaml_event_t *e = &reader->event;

        if (e->type == YAML_SCALAR_EVENT && strlen(event_text(reader)) != e->data.scalar.length)
                return refuse(reader, e->start_mark, NULL, "a NUL character (\\0) has no place here");
        return 0;
}

/* Puts the next event into reader->event, in place of the last one. */
static int reader_next(Reader *reader) {
        int k;

        yaml_event_delete(&reader->event);
        if (!yaml_parser_parse(&reader->parser, &reader->event))
                return refuse_broken(reader);
        k = refuse_decoration(reader);
        if (k < 0)
                return k;
        return refuse_nul(reader);
}

/* Nothing stands where a value belongs: "key:" and the end of the line. */
static bool event_is_empty(const Reader *reader) {
        return reader->event.type == YAML_SCALAR_EVENT && !*event_text(reader) &&
                reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool event_is_null(const Reader *reader) {
        static const char *const words[] = { "", "~", "null", "Null", "NULL" };

        return reader->event.type == YAML_SCALAR_EVENT &&
                reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                string_table_lookup(words, ELEMENTSOF(words), event_text(reader)) >= 0;
}

/* Values */

static int refuse_value(Reader *reader, const ConfigKey *key, const char *field) {
        char right[CONFIG_DESCRIPTION_SIZE];
        _cleanup_free_ char *quoted = config_key_quote(event_text(reader));

        if (!quoted)
                return -ENOMEM;
        return refuse(reader, reader->event.start_mark, field, "%s must be %s, not %s", field,
                      config_key_describe(key, right), quoted);
}

/* A value that is no text at all: nothing, a list, a mapping. */
static int refuse_shape(Reader *reader, const ConfigKey *key, const char *field) {
        char right[CONFIG_DESCRIPTION_SIZE];

        config_key_describe(key, right);
        if (event_is_null(reader))
                return refuse(reader, reader->event.start_mark, field,
                              "%s has no value; it must be %s, or remove the line to keep the default, %s",
                              field, right, key->default_text);
        return refuse(reader, reader->event.start_mark, field, "%s must be %s, not a %s", field, right,
                      reader->event.type == YAML_SEQUENCE_START_EVENT ? "list" : "mapping");
}

static bool kind_is_quotable(ConfigKind kind) {
        return kind == CONFIG_USER || kind == CONFIG_ACTION;
}

static int read_value(Reader *reader, const ConfigKey *key, const char *field) {
        int k;

        k = reader_next(reader);
        if (k < 0)
                return k;
        if (reader->event.type != YAML_SCALAR_EVENT || event_is_null(reader))
                return refuse_shape(reader, key, field);

        k = config_key_set(key, &reader->config, event_text(reader));
        if (k == -EINVAL)
                return refuse_value(reader, key, field);
        if (k < 0)
                return k;
        if (reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !kind_is_quotable(key->kind))
                return refuse(reader, reader->event.start_mark, field, "%s must stand without quotes: %s",
                              field, event_text(reader));

        reader->key_mark[key - config_keys] = reader->event.start_mark;
        return 0;
}

/* Names */

static int refuse_unknown(Reader *reader, const char *section) {
        _cleanup_free_ char *quoted = config_key_quote(event_text(reader));
        _cleanup_(buffer_done) Buffer advice = BUFFER_NULL;
        int k;

        if (!quoted)
                return -ENOMEM;
        k = config_key_advise(section, event_text(reader), &advice);
        if (k < 0)
                return k;
        if (!section)
                return refuse(reader, reader->event.start_mark, NULL, "unknown section %s; %s", quoted,
                              advice.data);
        return refuse(reader, reader->event.start_mark, section, "unknown key %s in %s; %s", quoted, section,
                      advice.data);
}

/* Calls `entry` for each name of the mapping that has just begun, until the mapping ends. `entry` takes what
 * stands behind the name. */
static int read_mapping(Reader *reader, const char *section, int (*entry)(Reader *, const char *section)) {
        int k;

        for (;;) {
                k = reader_next(reader);
                if (k < 0)
                        return k;
                if (reader->event.type == YAML_MAPPING_END_EVENT)
                        return 0;
                if (reader->event.type != YAML_SCALAR_EVENT)
                        return refuse(reader, reader->event.start_mark, section,
                                      "the name of a %s belongs here, not a list or a mapping",
                                      section ? "key" : "section");
                k = entry(reader, section);
                if (k < 0)
                        return k;
        }
}

static int read_key(Reader *reader, const char *section) {
        const ConfigKey *key = config_key_find(section, event_text(reader));
        _cleanup_free_ char *field = NULL;
        size_t i;

        if (!key)
                return refuse_unknown(reader, section);
        field = string_format("%s.%s", section, key->name);
        if (!field)
                return -ENOMEM;

        i = (size_t) (key - config_keys);
        if (reader->key_seen[i])
                return refuse(reader, reader->event.start_mark, field,
                              "%s is here for the second time, after line %zu; keep one of them", field,
                              reader->key_mark[i].line + 1);
        reader->key_seen[i] = true;
        return read_value(reader, key, field);
}

static int read_section(Reader *reader, const char *nothing _unused_) {
        int i = string_table_lookup(config_sections, CONFIG_SECTIONS, event_text(reader)), k;

        if (i < 0)
                return refuse_unknown(reader, NULL);
        if (reader->section_seen[i])
                return refuse(reader, reader->event.start_mark, config_sections[i],
                              "the section %s is here for the second time; put its keys together",
                              config_sections[i]);
        reader->section_seen[i] = true;

        k = reader_next(reader);
        if (k < 0)
                return k;
        /* What remains when all keys of a section are made comments. */
        if (event_is_empty(reader))
                return 0;
        if (reader->event.type != YAML_MAPPING_START_EVENT)
                return refuse(reader, reader->event.start_mark, config_sections[i],
                              "the section %s must hold indented lines of the form \"key: value\"",
                              config_sections[i]);
        return read_mapping(reader, config_sections[i], read_key);
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
        return refuse(reader, reader->key_mark[blame - config_keys], field,
                      "connection.sse_timeout (%" PRIu64 " s) must be longer than "
                      "connection.sse_heartbeat_interval (%" PRIu64 " s)",
                      c->sse_timeout_usec / USEC_PER_SEC, c->sse_heartbeat_interval_usec / USEC_PER_SEC);
}

static int read_root(Reader *reader) {
        int k;

        k = reader_next(reader);
        if (k < 0)
                return k;
        if (event_is_empty(reader))
                return 0;
        if (reader->event.type != YAML_MAPPING_START_EVENT)
                return refuse(reader, reader->event.start_mark, NULL,
                              "the file must hold sections, such as \"%s:\", with their keys indented below",
                              config_sections[0]);
        return read_mapping(reader, NULL, read_section);
}

/* The events around the root: stream, document, root, end of document, end of stream. */
static int read_stream(Reader *reader) {
        int k;

        k = refuse_tag_directives(reader);
        if (k >= 0)
                k = reader_next(reader);
        if (k >= 0)
                k = reader_next(reader);
        if (k < 0)
                return k;
        if (reader->event.type == YAML_STREAM_END_EVENT)
                return 0;

        k = read_root(reader);
        if (k >= 0)
                k = reader_next(reader);
        if (k >= 0)
                k = reader_next(reader);
        if (k < 0)
                return k;
        if (reader->event.type != YAML_STREAM_END_EVENT)
                return refuse(reader, reader->event.start_mark, NULL,
                              "a second document begins here; one file holds one document");
        return check_across_keys(reader);
}

static int reader_init(Reader *reader, const char *name, const char *data, size_t size, Problem *problem) {
        static const char byte_order_mark[] = { '\xef', '\xbb', '\xbf' };

        *reader = (Reader){ .name = name, .data = data ?: "", .size = size, .problem = problem };
        if (size >= sizeof(byte_order_mark) && memcmp(data, byte_order_mark, sizeof(byte_order_mark)) == 0) {
                reader->data += sizeof(byte_order_mark);
                reader->size -= sizeof(byte_order_mark);
        }

        if (!yaml_parser_initialize(&reader->parser))
                return -ENOMEM;
        /* Set, so that libyaml does not guess UTF-16 from the first bytes. */
        yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader->parser, (const unsigned char *) reader->data, reader->size);
        return 0;
}

static int copy_config(const Config *c, Config *ret) {
        Config copy = *c;
        int k;

        copy.user = NULL;
        k = string_replace(&copy.user, c->user);
        if (k < 0)
                return k;
        *ret = copy;
        return 0;
}

static int read_into_copy(Config *c, const char *name, const char *data, size_t size, Problem *problem) {
        _cleanup_(reader_done) Reader reader;
        Config before;
        int k;

        k = reader_init(&reader, name, data, size, problem);
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
