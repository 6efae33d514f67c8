#include "schema.h"

#include <gio/gio.h>
#include <string.h>

static void
option_free(gpointer data) {
    Option *option = data;

    g_free(option->key);
    g_free(option->label);
    g_free(option->help);
    g_free(option->group);
    g_free(option->def);
    g_free(option->visible_key);
    g_free(option->visible_value);
    g_free(option->allowed);
    g_strfreev(option->choices);
    g_free(option);
}

static void
protocol_free(gpointer data) {
    Protocol *protocol = data;

    g_free(protocol->name);
    g_free(protocol->label);
    g_ptr_array_unref(protocol->options);
    g_free(protocol);
}

void
schema_free(Schema *schema) {
    g_ptr_array_unref(schema->protocols);
    g_hash_table_unref(schema->beginning);
    g_free(schema);
}

/* words: the texts of a list; what else is in it is left out. */
static char **
words(JsonArray *list) {
    GPtrArray *all = g_ptr_array_new();

    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        if (*json_text_at(list, i))
            g_ptr_array_add(all, g_strdup(json_text_at(list, i)));
    }
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, FALSE);
}

static Option *
option_read(JsonObject *object) {
    Option *option = g_new0(Option, 1);
    JsonObject *visible = json_part(object, "visible-if");

    option->key = g_strdup(json_text(object, "key"));
    option->label = g_strdup(json_text(object, "label"));
    if (!*option->label) {
        g_free(option->label);
        option->label = g_strdup(option->key);
    }
    option->help = g_strdup(json_text(object, "help"));
    option->group = g_strdup(json_text(object, "group"));
    option->def = g_strdup(json_text(object, "default"));
    option->allowed = g_strdup(json_text(object, "allowed"));
    option->type = option_type(json_text(object, "type"));
    option->required = json_flag(object, "required");
    option->secret = json_flag(object, "secret");
    option->advanced = json_flag(object, "advanced");
    option->min = json_number(object, "min");
    option->max = json_number(object, "max");
    option->choices = words(json_list(object, "choices"));
    option->visible_key = g_strdup(json_text(visible, "key"));
    option->visible_value = g_strdup(json_text(visible, "value"));
    return option;
}

static Protocol *
protocol_read(JsonObject *object) {
    Protocol *protocol = g_new0(Protocol, 1);
    JsonArray *options = json_list(object, "options");

    protocol->name = g_strdup(json_text(object, "name"));
    protocol->label = g_strdup(*json_text(object, "label") ? json_text(object, "label") : protocol->name);
    protocol->options = g_ptr_array_new_with_free_func(option_free);
    for (guint i = 0; options && i < json_array_get_length(options); i++) {
        JsonObject *option = json_part_at(options, i);

        if (option && *json_text(option, "key"))
            g_ptr_array_add(protocol->options, option_read(option));
    }
    return protocol;
}

Schema *
schema_read(GError **error) {
    const char *const args[] = {"schema", NULL};
    g_autoptr(JsonObject) root = penstock_ask(args, error);
    g_autoptr(Schema) schema = NULL;
    JsonArray *protocols = json_list(root, "protocols");
    JsonObject *beginning = json_part(root, "new");

    if (!root)
        return NULL;
    schema = g_new0(Schema, 1);
    schema->protocols = g_ptr_array_new_with_free_func(protocol_free);
    schema->beginning = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; protocols && i < json_array_get_length(protocols); i++) {
        JsonObject *protocol = json_part_at(protocols, i);

        if (protocol && *json_text(protocol, "name"))
            g_ptr_array_add(schema->protocols, protocol_read(protocol));
    }
    if (beginning) {
        g_autoptr(GList) members = json_object_get_members(beginning);

        for (GList *m = members; m; m = m->next)
            g_hash_table_insert(schema->beginning, g_strdup(m->data), g_strdup(json_text(beginning, m->data)));
    }
    if (schema->protocols->len == 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                            "No plugin of penstock is installed: `penstock plugin list` shows none.");
        return NULL;
    }
    return g_steal_pointer(&schema);
}

const Protocol *
schema_protocol(const Schema *schema, const char *name) {
    for (guint i = 0; name && i < schema->protocols->len; i++) {
        const Protocol *protocol = g_ptr_array_index(schema->protocols, i);

        if (!strcmp(protocol->name, name))
            return protocol;
    }
    return NULL;
}

const Option *
protocol_option(const Protocol *protocol, const char *key) {
    for (guint i = 0; protocol && i < protocol->options->len; i++) {
        const Option *option = g_ptr_array_index(protocol->options, i);

        if (!strcmp(option->key, key))
            return option;
    }
    return NULL;
}

gboolean
schema_knows(const Schema *schema, const char *key) {
    for (guint i = 0; i < schema->protocols->len; i++) {
        if (protocol_option(g_ptr_array_index(schema->protocols, i), key))
            return TRUE;
    }
    return FALSE;
}
