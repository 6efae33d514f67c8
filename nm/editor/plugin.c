/* libnm-vpn-plugin-penstock.so: what NetworkManager's clients load. It draws nothing and needs no
 * toolkit; it loads the editor for the GTK that the program has already. */
#include <NetworkManager.h>
#include <dlfcn.h>
#include <gmodule.h>
#include <string.h>

#include "names.h"
#include "program.h"

typedef struct {
    GObject parent;
} PenstockPlugin;

typedef GObjectClass PenstockPluginClass;

static void plugin_interface(NMVpnEditorPluginInterface *interface);

GType penstock_plugin_get_type(void);
G_DEFINE_TYPE_WITH_CODE(PenstockPlugin, penstock_plugin, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(NM_TYPE_VPN_EDITOR_PLUGIN, plugin_interface))

enum { PROP_NAME = 1, PROP_DESCRIPTION, PROP_SERVICE };

/* The editors. */

typedef NMVpnEditor *(*EditorFactory)(NMConnection *connection, GError **error);

/* editor_library: the path of the editor for the program's GTK, beside this library. */
static char *
editor_library(GError **error) {
    GModule *program = g_module_open(NULL, 0); /* stays open: it is the program itself */
    g_autofree char *folder = NULL;
    gpointer symbol;
    const char *name = NULL;
    Dl_info here;

    if (program && g_module_symbol(program, "gtk_container_add", &symbol))
        name = "libnm-gtk3-vpn-plugin-penstock-editor.so";
    else if (program && g_module_symbol(program, "gtk_widget_get_root", &symbol))
        name = "libnm-gtk4-vpn-plugin-penstock-editor.so";
    if (!name || !dladdr((gpointer)editor_library, &here)) {
        g_set_error_literal(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_FAILED,
                            "The editor is for programs with GTK 3 or 4.");
        return NULL;
    }
    folder = g_path_get_dirname(here.dli_fname);
    return g_build_filename(folder, name, NULL);
}

static NMVpnEditor *
get_editor(NMVpnEditorPlugin *plugin, NMConnection *connection, GError **error) {
    static EditorFactory factory; /* for the life of the program, as its types are */

    if (!factory) {
        g_autofree char *path = editor_library(error);
        GModule *module;

        if (!path)
            return NULL;
        module = g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
        if (!module || !g_module_symbol(module, PENSTOCK_EDITOR_FACTORY, (gpointer *)&factory)) {
            g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_FAILED, "The editor cannot be loaded: %s",
                        g_module_error());
            return NULL;
        }
        g_module_make_resident(module);
    }
    return factory(connection, error);
}

/* Import. */

static void
each_member(JsonObject *object, void (*add)(NMSettingVpn *, const char *, const char *), NMSettingVpn *vpn) {
    g_autoptr(GList) members = object ? json_object_get_members(object) : NULL;

    for (GList *m = members; m; m = m->next) {
        if (*json_text(object, m->data))
            add(vpn, m->data, json_text(object, m->data));
    }
}

static void
add_lines(GString *to, JsonArray *notes) {
    for (guint i = 0; notes && i < json_array_get_length(notes); i++)
        g_string_append_printf(to, "%s%s", to->len ? "\n" : "", json_text_at(notes, i));
}

/* add_others: an import is of one connection; the others of the file are named. */
static void
add_others(GString *to, JsonArray *connections) {
    for (guint i = 1; i < json_array_get_length(connections); i++)
        g_string_append_printf(to, "%sThe file has the connection %s too: `penstock import` prints all.",
                               to->len ? "\n" : "", json_text(json_part_at(connections, i), "name"));
}

/* tell: has the notes be kept with the connection, where the editor shows them, and be in the log. */
static void
tell(NMConnection *connection, const char *notes) {
    const gsize most = 8000; /* a value of the user's data ends at 8 KiB */
    g_autofree char *text = g_utf8_make_valid(notes, MIN(strlen(notes), most));
    NMSetting *user = nm_setting_user_new();

    nm_connection_add_setting(connection, user);
    if (*text && nm_setting_user_set_data(NM_SETTING_USER(user), PENSTOCK_NOTES, text, NULL))
        g_message("Not taken over:\n%s", text);
    else
        nm_connection_remove_setting(connection, NM_TYPE_SETTING_USER);
}

static NMConnection *
connection_of(JsonObject *object) {
    NMConnection *connection = nm_simple_connection_new();
    g_autofree char *uuid = nm_utils_uuid_generate();
    NMSettingVpn *vpn = NM_SETTING_VPN(nm_setting_vpn_new());
    NMSetting *general = nm_setting_connection_new(), *ipv4 = nm_setting_ip4_config_new(),
              *ipv6 = nm_setting_ip6_config_new();

    g_object_set(general, NM_SETTING_CONNECTION_ID, json_text(object, "name"), NM_SETTING_CONNECTION_UUID, uuid,
                 NM_SETTING_CONNECTION_TYPE, NM_SETTING_VPN_SETTING_NAME, NULL);
    g_object_set(vpn, NM_SETTING_VPN_SERVICE_TYPE, PENSTOCK_SERVICE, NULL);
    g_object_set(ipv4, NM_SETTING_IP_CONFIG_METHOD, NM_SETTING_IP4_CONFIG_METHOD_AUTO, NULL);
    g_object_set(ipv6, NM_SETTING_IP_CONFIG_METHOD, NM_SETTING_IP6_CONFIG_METHOD_AUTO, NULL);
    each_member(json_part(object, "data"), nm_setting_vpn_add_data_item, vpn);
    each_member(json_part(object, "secrets"), nm_setting_vpn_add_secret, vpn);
    nm_connection_add_setting(connection, general);
    nm_connection_add_setting(connection, NM_SETTING(vpn));
    nm_connection_add_setting(connection, ipv4);
    nm_connection_add_setting(connection, ipv6);
    return connection;
}

static NMConnection *
import_from_file(NMVpnEditorPlugin *plugin, const char *path, GError **error) {
    const char *const args[] = {"import", "--json", "--with-secrets", "--", path, NULL};
    g_autoptr(JsonObject) root = penstock_ask(args, error);
    JsonArray *connections = json_list(root, "connections");
    g_autoptr(GString) notes = g_string_new(NULL);
    NMConnection *connection;
    JsonObject *first;

    if (!root)
        return NULL;
    if (!connections || json_array_get_length(connections) == 0) {
        g_set_error_literal(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_FAILED,
                            "There is no connection in the file.");
        return NULL;
    }
    first = json_part_at(connections, 0);
    connection = connection_of(first);
    add_lines(notes, json_list(first, "notes"));
    add_lines(notes, json_list(root, "notes"));
    add_others(notes, connections);
    tell(connection, notes->str);
    return connection;
}

/* Export. */

static void
add_member(const char *key, const char *value, gpointer data) {
    json_object_set_string_member(data, key, value);
}

static gboolean
export_to_file(NMVpnEditorPlugin *plugin, const char *path, NMConnection *connection, GError **error) {
    const char *const args[] = {"export", NULL};
    NMSettingVpn *vpn = nm_connection_get_setting_vpn(connection);
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new(), *data = json_object_new();
    g_autofree char *text = NULL, *table = NULL;

    json_object_set_object_member(object, "data", data);
    json_object_set_string_member(object, "name",
                                  nm_connection_get_id(connection) ? nm_connection_get_id(connection) : "");
    if (vpn)
        nm_setting_vpn_foreach_data_item(vpn, add_member, data);
    json_node_take_object(node, object);
    text = json_to_string(node, FALSE);
    table = penstock_run(args, text, error);
    return table && g_file_set_contents_full(path, table, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static char *
get_suggested_filename(NMVpnEditorPlugin *plugin, NMConnection *connection) {
    const char *id = nm_connection_get_id(connection);

    return id ? g_strdup_printf("%s.toml", id) : NULL;
}

/* The object. */

static NMVpnEditorPluginCapability
get_capabilities(NMVpnEditorPlugin *plugin) {
    return NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT | NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
           NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6;
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    switch (id) {
    case PROP_NAME:
        g_value_set_static_string(value, "Penstock");
        break;
    case PROP_DESCRIPTION:
        g_value_set_static_string(
            value, "VPN gateways of many kinds: AnyConnect, GlobalProtect, IKEv2 and what else has a plugin.");
        break;
    case PROP_SERVICE:
        g_value_set_static_string(value, PENSTOCK_SERVICE);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
penstock_plugin_class_init(PenstockPluginClass *class) {
    class->get_property = get_property;
    g_object_class_override_property(class, PROP_NAME, NM_VPN_EDITOR_PLUGIN_NAME);
    g_object_class_override_property(class, PROP_DESCRIPTION, NM_VPN_EDITOR_PLUGIN_DESCRIPTION);
    g_object_class_override_property(class, PROP_SERVICE, NM_VPN_EDITOR_PLUGIN_SERVICE);
}

static void
penstock_plugin_init(PenstockPlugin *plugin) {
}

static void
plugin_interface(NMVpnEditorPluginInterface *interface) {
    interface->get_editor = get_editor;
    interface->get_capabilities = get_capabilities;
    interface->import_from_file = import_from_file;
    interface->export_to_file = export_to_file;
    interface->get_suggested_filename = get_suggested_filename;
}

G_MODULE_EXPORT NMVpnEditorPlugin *
nm_vpn_editor_plugin_factory(GError **error) {
    return g_object_new(penstock_plugin_get_type(), NULL);
}
