/* ConfigWalker: see config-walker.h. libyaml's marks count characters from 0; people count from 1. */
#include "config-walker.h"

#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

struct ConfigWalker {
        yaml_parser_t parser;
        yaml_event_t event; /* owned */
        ConfigEvent seen;     /* the same in our words */
        const char *name;   /* of the file */
        const char *data;   /* without a byte order mark */
        size_t size;
        Problem *problem;
};

ConfigWalker *config_walker_free(ConfigWalker *w) {
        if (!w)
                return NULL;
        yaml_event_delete(&w->event);
        yaml_parser_delete(&w->parser);
        free(w);
        return NULL;
}

static _printf_(4, 0) int
refuse_list(ConfigWalker *w, ConfigPlace at, const char *field, const char *format, va_list ap) {
        _cleanup_free_ char *sentence = NULL;

        if (vasprintf(&sentence, format, ap) < 0) {
                sentence = NULL;
                return -ENOMEM;
        }
        return problem_set(w->problem, -EINVAL, field, "%s:%zu:%zu: %s", w->name, at.line, at.column, sentence);
}

int config_walker_refuse(ConfigWalker *w, const char *field, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = refuse_list(w, w->seen.at, field, format, ap);
        va_end(ap);
        return r;
}

int config_walker_refuse_at(ConfigWalker *w, ConfigPlace at, const char *field, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = refuse_list(w, at, field, format, ap);
        va_end(ap);
        return r;
}

static ConfigPlace place_of(yaml_mark_t mark) {
        return (ConfigPlace){ mark.line + 1, mark.column + 1 };
}

/* Of a UTF-8 sequence, not its first byte. */
static bool is_continuation(char c) {
        return (c & 0xc0) == 0x80;
}

/* Syntax: what libyaml itself refuses */

/* The place of a byte, for what is wrong before there are characters to count. */
static yaml_mark_t mark_of_byte(const ConfigWalker *w, size_t offset) {
        yaml_mark_t mark = {};

        for (size_t i = 0; i < offset && i < w->size; i++) {
                char c = w->data[i];

                if (c == '\n' || (c == '\r' && (i + 1 >= w->size || w->data[i + 1] != '\n'))) {
                        mark.line++;
                        mark.column = 0;
                } else if (c != '\r' && !is_continuation(c))
                        mark.column++;
        }
        return mark;
}

static bool is_tab(const ConfigWalker *w, yaml_mark_t mark) {
        size_t i = 0;

        for (size_t characters = mark.index; characters > 0 && i < w->size; characters--)
                do
                        i++;
                while (i < w->size && is_continuation(w->data[i]));
        return i < w->size && w->data[i] == '\t';
}

static int refuse_bytes(ConfigWalker *w) {
        const yaml_parser_t *p = &w->parser;
        yaml_mark_t mark = mark_of_byte(w, p->problem_offset);

        /* libyaml gives the character where one could be read, and the byte, or -1, where none could. */
        if (strstr(p->problem, "control characters"))
                return config_walker_refuse_at(w, place_of(mark), NULL, "%s (here U+%04X); remove it", p->problem,
                              (unsigned) p->problem_value);
        return config_walker_refuse_at(w, place_of(mark), NULL,
                        "the file must be text in UTF-8, not in another encoding (%s)", p->problem);
}

static int refuse_syntax(ConfigWalker *w) {
        const yaml_parser_t *p = &w->parser;
        const char *remedy = is_tab(w, p->problem_mark) ? "; indent with spaces, not with tabs" : "";

        /* A context that begins where the problem is adds nothing to it. */
        if (!p->context || p->context_mark.index >= p->problem_mark.index)
                return config_walker_refuse_at(
                                w, place_of(p->problem_mark), NULL, "this is not YAML: %s%s", p->problem, remedy);
        return config_walker_refuse_at(w, place_of(p->problem_mark), NULL,
                        "this is not YAML: %s, %s that began in line %zu%s", p->problem, p->context,
                        p->context_mark.line + 1, remedy);
}

static int refuse_broken(ConfigWalker *w) {
        switch (w->parser.error) {
        case YAML_MEMORY_ERROR:
                return -ENOMEM;
        case YAML_READER_ERROR:
                return refuse_bytes(w);
        default:
                return refuse_syntax(w);
        }
}

/* Whether it may be the last byte of a line break: LF, CR, and in UTF-8 NEL, LS and PS for YAML 1.1. */
static bool is_line_end(char c) {
        return c == '\n' || c == '\r' || is_continuation(c);
}

/* libyaml compares each %TAG directive with all before it, inside one call: 1 MiB of them takes ten
 * seconds. Tags are refused anyway, so this looks for them first. A directive begins its line. */
static int refuse_tag_directives(ConfigWalker *w) {
        static const char directive[] = "%TAG";
        const char *end = w->data + w->size, *p = w->data;

        while ((p = memmem(p, (size_t) (end - p), directive, strlen(directive)))) {
                if (p == w->data || is_line_end(p[-1]))
                        return config_walker_refuse_at(w, place_of(mark_of_byte(w, (size_t) (p - w->data))), NULL,
                                      "tags and so %%TAG are not accepted; remove the line");
                p += strlen(directive);
        }
        return 0;
}

/* Events */

/* What the event carries beside its value: aliases could make a small file large, and a tag would make a
 * value mean something else than what stands there. */
static int refuse_decoration(ConfigWalker *w) {
        const yaml_event_t *e = &w->event;
        const yaml_char_t *anchor = NULL, *tag = NULL;

        if (e->type == YAML_ALIAS_EVENT)
                return config_walker_refuse(w, NULL, "aliases (*name) are not accepted; write the value itself");
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
                return config_walker_refuse(w, NULL, "anchors (&name) are not accepted; write the value alone");
        if (tag)
                return config_walker_refuse(w, NULL, "tags (!name) are not accepted; write the value alone");
        return 0;
}

/* From here on a text is a C string. Only "\0" in double quotes can say NUL: in the file itself it is a
 * control character. */
static int refuse_nul(ConfigWalker *w) {
        if (w->seen.text && strlen(w->seen.text) != w->event.data.scalar.length)
                return config_walker_refuse(w, NULL, "a NUL character (\\0) has no place here");
        return 0;
}

static ConfigEventKind kind_of(const yaml_event_t *e) {
        switch (e->type) {
        case YAML_SCALAR_EVENT:
                return CONFIG_EVENT_TEXT;
        case YAML_MAPPING_START_EVENT:
                return CONFIG_EVENT_MAPPING;
        case YAML_SEQUENCE_START_EVENT:
                return CONFIG_EVENT_LIST;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
                return CONFIG_EVENT_END;
        case YAML_STREAM_END_EVENT:
                return CONFIG_EVENT_FILE_END;
        default:
                return CONFIG_EVENT_AROUND;
        }
}

int config_walker_next(ConfigWalker *w) {
        yaml_event_t *e = &w->event;
        bool is_text;
        int k;

        yaml_event_delete(e);
        w->seen = (ConfigEvent){};
        if (!yaml_parser_parse(&w->parser, e))
                return refuse_broken(w);
        is_text = e->type == YAML_SCALAR_EVENT;
        w->seen = (ConfigEvent){
                .kind = kind_of(e),
                .at = place_of(e->start_mark),
                .text = is_text ? (const char *) e->data.scalar.value : NULL,
                .is_plain = is_text && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
        };
        k = refuse_decoration(w);
        return k < 0 ? k : refuse_nul(w);
}

const ConfigEvent *config_walker_event(const ConfigWalker *w) {
        return &w->seen;
}

bool config_walker_is_empty(const ConfigWalker *w) {
        return w->seen.is_plain && !*w->seen.text;
}

bool config_walker_is_null(const ConfigWalker *w) {
        static const char *const words[] = { "", "~", "null", "Null", "NULL" };

        return w->seen.is_plain && string_table_lookup(words, ELEMENTSOF(words), w->seen.text) >= 0;
}

int config_walker_mapping(ConfigWalker *w, const char *field, const char *what,
                          int (*entry)(ConfigWalker *w, void *userdata), void *userdata) {
        int k;

        for (;;) {
                k = config_walker_next(w);
                if (k < 0)
                        return k;
                if (w->seen.kind == CONFIG_EVENT_END)
                        return 0;
                if (w->seen.kind != CONFIG_EVENT_TEXT)
                        return config_walker_refuse(w, field, "the name of a %s belongs here, not a list or a mapping",
                                                    what);
                k = entry(w, userdata);
                if (k < 0)
                        return k;
        }
}

int config_walker_list(ConfigWalker *w, int (*entry)(ConfigWalker *w, void *userdata), void *userdata) {
        int k;

        for (;;) {
                k = config_walker_next(w);
                if (k < 0)
                        return k;
                if (w->seen.kind == CONFIG_EVENT_END)
                        return 0;
                k = entry(w, userdata);
                if (k < 0)
                        return k;
        }
}

/* Life cycle */

static int walker_init(ConfigWalker *w, const char *name, const char *data, size_t size, Problem *problem) {
        static const char byte_order_mark[] = { '\xef', '\xbb', '\xbf' };

        w->name = name;
        w->data = data ?: "";
        w->size = size;
        w->problem = problem;
        if (size >= sizeof(byte_order_mark) && memcmp(data, byte_order_mark, sizeof(byte_order_mark)) == 0) {
                w->data += sizeof(byte_order_mark);
                w->size -= sizeof(byte_order_mark);
        }
        if (!yaml_parser_initialize(&w->parser))
                return -ENOMEM;
        /* Set, so that libyaml does not guess UTF-16 from the first bytes. */
        yaml_parser_set_encoding(&w->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&w->parser, (const unsigned char *) w->data, w->size);
        return refuse_tag_directives(w);
}

int config_walker_new(const char *name, const char *data, size_t size, Problem *problem, ConfigWalker **ret) {
        ConfigWalker *w = calloc(1, sizeof(ConfigWalker));
        int k;

        if (!w)
                return -ENOMEM;
        k = walker_init(w, name, data, size, problem);
        if (k < 0) {
                config_walker_free(w);
                return k;
        }
        *ret = w;
        return 0;
}
