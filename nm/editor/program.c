#include "program.h"

#include <gio/gio.h>
#include <string.h>

/* what_it_said: the last words without penstock's name before them. */
static char *
what_it_said(const char *words) {
    const char *said = words ? words : "";

    if (g_str_has_prefix(said, "penstock: "))
        said += strlen("penstock: ");
    return g_strstrip(g_utf8_make_valid(said, -1));
}

char *
penstock_run(const char *const *args, const char *input, GError **error) {
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GSubprocess) process = NULL;
    g_autofree char *output = NULL;
    g_autofree char *words = NULL;

    g_ptr_array_add(argv, (gpointer) "penstock");
    for (; *args; args++)
        g_ptr_array_add(argv, (gpointer)*args);
    g_ptr_array_add(argv, NULL);
    process = g_subprocess_newv((const char *const *)argv->pdata,
                                (input ? G_SUBPROCESS_FLAGS_STDIN_PIPE : G_SUBPROCESS_FLAGS_NONE) |
                                    G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                                error);
    if (!process || !g_subprocess_communicate_utf8(process, input, NULL, &output, &words, error))
        return NULL;
    if (!g_subprocess_get_if_exited(process) || g_subprocess_get_exit_status(process) != 0) {
        g_autofree char *said = what_it_said(words);

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", *said ? said : "penstock ended without a word");
        return NULL;
    }
    return g_steal_pointer(&output);
}

/* is_sane: whether the text is of a size and a depth that a form can have: the reader of JSON calls
 * itself for what is inside. It knows comments and other quotes too, which would hide the depth. */
static gboolean
is_sane(const char *text) {
    const gsize most = 8 << 20;
    const int deepest = 32;
    const char *const outside = " \t\r\n[]{}:,+-.0123456789Eaeflnrstu"; /* of strings */
    gboolean quoted = FALSE;
    int depth = 0;

    if (strlen(text) > most)
        return FALSE;
    for (; *text; text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (quoted)
            text += *text == '\\' && text[1];
        else if (!strchr(outside, *text))
            return FALSE;
        else if (*text == '[' || *text == '{')
            depth++;
        else if (*text == ']' || *text == '}')
            depth--;
        if (depth > deepest)
            return FALSE;
    }
    return TRUE;
}

JsonObject *
penstock_ask(const char *const *args, GError **error) {
    g_autofree char *text = penstock_run(args, NULL, error);
    g_autoptr(JsonNode) root = NULL;
    JsonObject *only = NULL;

    if (!text)
        return NULL;
    if (!is_sane(text)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "what penstock prints is no form's, or too much for one");
        return NULL;
    }
    root = json_from_string(text, error);
    if (root && JSON_NODE_HOLDS_ARRAY(root) && json_array_get_length(json_node_get_array(root)) == 1)
        only = json_part_at(json_node_get_array(root), 0);
    if (!only && error && !*error)
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "what penstock prints is no list of one object");
    return only ? json_object_ref(only) : NULL;
}

static const char *
text_of(JsonNode *node) {
    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

static JsonObject *
part_of(JsonNode *node) {
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonNode *
member_of(JsonObject *object, const char *member) {
    return object ? json_object_get_member(object, member) : NULL;
}

const char *
json_text(JsonObject *object, const char *member) {
    return text_of(member_of(object, member));
}

gboolean
json_flag(JsonObject *object, const char *member) {
    JsonNode *node = member_of(object, member);

    return node && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

gint64
json_number(JsonObject *object, const char *member) {
    JsonNode *node = member_of(object, member);

    return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : 0;
}

JsonObject *
json_part(JsonObject *object, const char *member) {
    return part_of(member_of(object, member));
}

JsonArray *
json_list(JsonObject *object, const char *member) {
    JsonNode *node = member_of(object, member);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

const char *
json_text_at(JsonArray *list, guint i) {
    return text_of(json_array_get_element(list, i));
}

JsonObject *
json_part_at(JsonArray *list, guint i) {
    return part_of(json_array_get_element(list, i));
}
