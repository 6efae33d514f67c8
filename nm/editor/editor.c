/* libnm-gtkN-vpn-plugin-penstock-editor.so: the form of a connection. What is in it comes from the
 * options of its protocol:
 *
 *    Protocol  [ Cisco AnyConnect        v ]
 *    [ General | Advanced ]
 *      Gateway        [ vpn.example.com    ]
 *      Login                                   a group
 *      Group          [                    ]
 *
 * The model is a VPN setting, which keeps what was typed when the protocol changes; only what the
 * chosen protocol has goes into the connection. */
#include <NetworkManager.h>

#include "names.h"
#include "row.h"

typedef struct {
    GObject parent;

    Schema *schema;
    const Protocol *protocol; /* NULL: the connection's is not installed */
    RowModel model;
    GPtrArray *rows;
    char *notes; /* of the import, NULL when there are none, or they are dismissed */

    GtkWidget *widget, *pages, *notes_box;
} PenstockEditor;

typedef GObjectClass PenstockEditorClass;

static void editor_interface(NMVpnEditorInterface *interface);

GType penstock_editor_get_type(void);
G_DEFINE_TYPE_WITH_CODE(PenstockEditor, penstock_editor, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(NM_TYPE_VPN_EDITOR, editor_interface))

/* Which options count. */

/* is_visible: whether the condition of an option holds; one that is not visible itself has no value
 * for others. */
static gboolean
is_visible(PenstockEditor *self, const Option *option) {
    const Option *on = protocol_option(self->protocol, option->visible_key);
    const char *value = on ? nm_setting_vpn_get_data_item(self->model.setting, on->key) : NULL;

    if (!*option->visible_key)
        return TRUE;
    if (!on)
        return FALSE;
    return !g_ascii_strcasecmp(value ? value : on->def, option->visible_value);
}

static void
update_visible(PenstockEditor *self) {
    for (guint i = 0; i < self->rows->len; i++) {
        Row *row = g_ptr_array_index(self->rows, i);

        row_set_visible(row, is_visible(self, row->option));
    }
}

static void
emit_changed(PenstockEditor *self) {
    g_signal_emit_by_name(self, "changed");
}

static void
row_changed(Row *row, gpointer user) {
    PenstockEditor *self = user;

    if (!row->option->secret)
        update_visible(self);
    emit_changed(self);
}

/* The pages. */

static GtkWidget *
new_grid(void) {
    GtkWidget *grid = gtk_grid_new();

    gtk_grid_set_row_spacing(GTK_GRID(grid), 6);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    gtk_widget_set_margin_top(grid, 12);
    gtk_widget_set_margin_bottom(grid, 12);
    gtk_widget_set_margin_start(grid, 12);
    gtk_widget_set_margin_end(grid, 12);
    return grid;
}

static void
add_heading(GtkWidget *grid, const char *text, int line) {
    GtkWidget *label = gtk_label_new(NULL);
    g_autofree char *markup = g_markup_printf_escaped("<b>%s</b>", text);

    gtk_label_set_markup(GTK_LABEL(label), markup);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_widget_set_margin_top(label, line ? 6 : 0);
    gtk_grid_attach(GTK_GRID(grid), label, 0, line, 2, 1);
}

/* add_group: the options of one group, below a heading, as rows from line on; returns the line behind. */
static int
add_group(PenstockEditor *self, GtkWidget *grid, const char *group, gboolean advanced, int line) {
    gboolean first = TRUE;

    for (guint i = 0; i < self->protocol->options->len; i++) {
        const Option *option = g_ptr_array_index(self->protocol->options, i);

        if (option->advanced != advanced || strcmp(option->group, group))
            continue;
        if (first && *group)
            add_heading(grid, group, line++);
        first = FALSE;
        g_ptr_array_add(self->rows, row_new(option, &self->model, GTK_GRID(grid), line));
        line += 2;
    }
    return line;
}

/* new_page: the options of one page by group, or NULL when there are none. */
static GtkWidget *
new_page(PenstockEditor *self, gboolean advanced, int *line) {
    GtkWidget *grid = new_grid(), *view;
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);

    *line = 0;
    for (guint i = 0; i < self->protocol->options->len; i++) {
        const Option *option = g_ptr_array_index(self->protocol->options, i);

        if (g_hash_table_add(done, option->group))
            *line = add_group(self, grid, option->group, advanced, *line);
    }
    view = scrolled(grid);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(view), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_propagate_natural_height(GTK_SCROLLED_WINDOW(view), TRUE);
    gtk_scrolled_window_set_min_content_height(GTK_SCROLLED_WINDOW(view), 260);
    gtk_scrolled_window_set_max_content_height(GTK_SCROLLED_WINDOW(view), 420);
    g_object_set_data(G_OBJECT(view), "penstock-grid", grid);
    return view;
}

static void
revealed(GtkWidget *field, GParamSpec *spec, PenstockEditor *self) {
    for (guint i = 0; i < self->rows->len; i++)
        row_reveal(g_ptr_array_index(self->rows, i), gtk_switch_get_active(GTK_SWITCH(field)));
}

static void
add_reveal(PenstockEditor *self, GtkWidget *grid, int line) {
    GtkWidget *label = gtk_label_new("Show passwords"), *field = gtk_switch_new();

    gtk_label_set_xalign(GTK_LABEL(label), 1);
    label_of(label, field);
    gtk_widget_set_halign(field, GTK_ALIGN_START);
    g_signal_connect_object(field, "notify::active", G_CALLBACK(revealed), self, 0);
    gtk_grid_attach(GTK_GRID(grid), label, 0, line, 1, 1);
    gtk_grid_attach(GTK_GRID(grid), field, 1, line, 1, 1);
}

static void
draw_pages(PenstockEditor *self) {
    GtkNotebook *pages = GTK_NOTEBOOK(self->pages);
    GtkWidget *page;
    int line;

    g_ptr_array_set_size(self->rows, 0);
    while (gtk_notebook_get_n_pages(pages) > 0)
        gtk_notebook_remove_page(pages, 0);
    if (!self->protocol)
        return;
    page = new_page(self, FALSE, &line);
    add_reveal(self, g_object_get_data(G_OBJECT(page), "penstock-grid"), line);
    gtk_notebook_append_page(pages, page, gtk_label_new("General"));
    page = new_page(self, TRUE, &line);
    gtk_notebook_append_page(pages, page, gtk_label_new("Advanced"));
}

static void
draw(PenstockEditor *self) {
    draw_pages(self);
    show_all(self->widget);
    gtk_widget_set_visible(self->notes_box, self->notes != NULL);
    gtk_widget_set_visible(self->pages, self->protocol != NULL);
    update_visible(self);
}

static void
protocol_chosen(GtkWidget *chooser, GParamSpec *spec, PenstockEditor *self) {
    const char *name = choice_id(chooser);

    self->protocol = schema_protocol(self->schema, name);
    nm_setting_vpn_add_data_item(self->model.setting, "protocol", name);
    draw(self);
    emit_changed(self);
}

static GtkWidget *
new_chooser(PenstockEditor *self) {
    GtkWidget *chooser = choice_new();
    const char *chosen = nm_setting_vpn_get_data_item(self->model.setting, "protocol");

    for (guint i = 0; i < self->schema->protocols->len; i++) {
        const Protocol *protocol = g_ptr_array_index(self->schema->protocols, i);

        choice_add(chooser, protocol->name, protocol->label);
    }
    if (!choice_take(chooser, chosen)) {
        g_autofree char *missing = g_strdup_printf("%s (its plugin is not installed)", chosen);

        choice_add(chooser, chosen, missing);
        choice_take(chooser, chosen);
    }
    gtk_widget_set_hexpand(chooser, TRUE);
    g_signal_connect_object(chooser, CHOICE_CHANGED, G_CALLBACK(protocol_chosen), self, 0);
    return chooser;
}

/* What an import left out. */

static void
dismissed(GtkWidget *button, PenstockEditor *self) {
    g_clear_pointer(&self->notes, g_free);
    gtk_widget_set_visible(self->notes_box, FALSE);
    emit_changed(self);
}

static GtkWidget *
new_notes(PenstockEditor *self) {
    GtkWidget *box = new_grid(), *text = gtk_label_new(NULL), *button = gtk_button_new_with_label("Dismiss");
    g_autofree char *markup =
        g_markup_printf_escaped("<b>Not taken over from the file</b>\n%s", self->notes ? self->notes : "");

    gtk_label_set_markup(GTK_LABEL(text), markup);
    gtk_label_set_xalign(GTK_LABEL(text), 0);
    gtk_label_set_max_width_chars(GTK_LABEL(text), 60);
    gtk_label_set_selectable(GTK_LABEL(text), TRUE);
    gtk_widget_set_hexpand(text, TRUE);
    gtk_widget_set_valign(button, GTK_ALIGN_START);
    wrap(text);
    g_signal_connect_object(button, "clicked", G_CALLBACK(dismissed), self, 0);
    gtk_grid_attach(GTK_GRID(box), text, 0, 0, 1, 1);
    gtk_grid_attach(GTK_GRID(box), button, 1, 0, 1, 1);
    return box;
}

static GtkWidget *
new_widget(PenstockEditor *self) {
    GtkWidget *widget = new_grid(), *label = gtk_label_new("Protocol"), *chooser = new_chooser(self);

    self->pages = gtk_notebook_new();
    self->notes_box = new_notes(self);
    label_of(label, chooser);
    gtk_widget_set_hexpand(self->pages, TRUE);
    gtk_widget_set_vexpand(self->pages, TRUE);
    gtk_grid_attach(GTK_GRID(widget), self->notes_box, 0, 0, 2, 1);
    gtk_grid_attach(GTK_GRID(widget), label, 0, 1, 1, 1);
    gtk_grid_attach(GTK_GRID(widget), chooser, 1, 1, 1, 1);
    gtk_grid_attach(GTK_GRID(widget), self->pages, 0, 2, 2, 1);
    return widget;
}

/* The connection. */

/* belongs: whether a key of the model is one of the connection's: an option that the protocol has and
 * that counts, the flags of such a secret, or nothing that the editor is about. */
static gboolean
belongs(PenstockEditor *self, const char *key) {
    const Option *option = protocol_option(self->protocol, key);
    g_autofree char *secret =
        g_str_has_suffix(key, FLAGS_SUFFIX) ? g_strndup(key, strlen(key) - strlen(FLAGS_SUFFIX)) : NULL;

    if (option)
        return is_visible(self, option);
    if (secret && schema_knows(self->schema, secret)) {
        option = protocol_option(self->protocol, secret);
        return option && is_visible(self, option) &&
               strcmp(nm_setting_vpn_get_data_item(self->model.setting, key), "0");
    }
    return !schema_knows(self->schema, key);
}

static void
list_key(const char *key, const char *value, gpointer list) {
    g_ptr_array_add(list, g_strdup(key));
}

/* prune: takes out of a copy of the model what is not the connection's. */
static void
prune(PenstockEditor *self, NMSettingVpn *setting) {
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func(g_free);

    nm_setting_vpn_foreach_data_item(setting, list_key, keys);
    nm_setting_vpn_foreach_secret(setting, list_key, secrets);
    for (guint i = 0; i < keys->len; i++) {
        if (!belongs(self, g_ptr_array_index(keys, i)))
            nm_setting_vpn_remove_data_item(setting, g_ptr_array_index(keys, i));
    }
    for (guint i = 0; i < secrets->len; i++) {
        const char *key = g_ptr_array_index(secrets, i);
        NMSettingSecretFlags flags = NM_SETTING_SECRET_FLAG_NONE;

        nm_setting_get_secret_flags(NM_SETTING(setting), key, &flags, NULL);
        if (!belongs(self, key) || flags & (NM_SETTING_SECRET_FLAG_NOT_SAVED | NM_SETTING_SECRET_FLAG_NOT_REQUIRED))
            nm_setting_vpn_remove_secret(setting, key);
    }
}

static gboolean
update_connection(NMVpnEditor *editor, NMConnection *connection, GError **error) {
    PenstockEditor *self = (PenstockEditor *)editor;
    NMSetting *setting, *user;

    for (guint i = 0; i < self->rows->len; i++) {
        const Row *row = g_ptr_array_index(self->rows, i);
        g_autofree char *mistake = is_visible(self, row->option) ? row_mistake(row) : NULL;

        if (mistake) {
            g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY, "%s: %s", row->option->label,
                        mistake);
            return FALSE;
        }
    }
    setting = nm_setting_duplicate(NM_SETTING(self->model.setting));
    if (self->protocol)
        prune(self, NM_SETTING_VPN(setting));
    nm_connection_add_setting(connection, setting);
    user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);
    if (user && !self->notes)
        nm_setting_user_set_data(NM_SETTING_USER(user), PENSTOCK_NOTES, NULL, NULL);
    return TRUE;
}

static GObject *
get_widget(NMVpnEditor *editor) {
    return G_OBJECT(((PenstockEditor *)editor)->widget);
}

static void
read_connection(PenstockEditor *self, NMConnection *connection) {
    NMSetting *vpn = nm_connection_get_setting(connection, NM_TYPE_SETTING_VPN);
    NMSetting *user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);
    const char *notes = user ? nm_setting_user_get_data(NM_SETTING_USER(user), PENSTOCK_NOTES) : NULL;
    const Protocol *usual = schema_protocol(self->schema, "anyconnect");
    const char *name;

    self->model.setting = vpn ? NM_SETTING_VPN(nm_setting_duplicate(vpn)) : NM_SETTING_VPN(nm_setting_vpn_new());
    g_object_set(self->model.setting, NM_SETTING_VPN_SERVICE_TYPE, PENSTOCK_SERVICE, NULL);
    name = nm_setting_vpn_get_data_item(self->model.setting, "protocol");
    if (!name) {
        GHashTableIter each;
        gpointer key, value;

        g_hash_table_iter_init(&each, self->schema->beginning);
        while (g_hash_table_iter_next(&each, &key, &value))
            nm_setting_vpn_add_data_item(self->model.setting, key, value);
        name = (usual ? usual : (const Protocol *)g_ptr_array_index(self->schema->protocols, 0))->name;
        nm_setting_vpn_add_data_item(self->model.setting, "protocol", name);
    }
    self->protocol = schema_protocol(self->schema, name);
    self->notes = g_strdup(notes);
}

G_MODULE_EXPORT NMVpnEditor *penstock_editor_new(NMConnection *connection, GError **error);

NMVpnEditor *
penstock_editor_new(NMConnection *connection, GError **error) {
    Schema *schema = schema_read(error);
    PenstockEditor *self;

    if (!schema)
        return NULL;
    self = g_object_new(penstock_editor_get_type(), NULL);
    self->schema = schema;
    self->model.changed = row_changed;
    self->model.user = self;
    read_connection(self, connection);
    self->widget = g_object_ref_sink(new_widget(self));
    draw(self);
    return NM_VPN_EDITOR(self);
}

static void
dispose(GObject *object) {
    PenstockEditor *self = (PenstockEditor *)object;

    g_clear_pointer(&self->rows, g_ptr_array_unref);
    g_clear_object(&self->widget);
    g_clear_object(&self->model.setting);
    g_clear_pointer(&self->notes, g_free);
    g_clear_pointer(&self->schema, schema_free);
    G_OBJECT_CLASS(penstock_editor_parent_class)->dispose(object);
}

static void
penstock_editor_class_init(PenstockEditorClass *class) {
    class->dispose = dispose;
}

static void
penstock_editor_init(PenstockEditor *self) {
    self->rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
}

static void
editor_interface(NMVpnEditorInterface *interface) {
    interface->get_widget = get_widget;
    interface->update_connection = update_connection;
}
