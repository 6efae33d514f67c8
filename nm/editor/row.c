#include "row.h"

#include <nma-ui-utils.h>
#include <string.h>

#include "names.h"

static const char *
value_of(const Row *row) {
    const char *value = row->option->secret ? nm_setting_vpn_get_secret(row->model->setting, row->option->key)
                                            : nm_setting_vpn_get_data_item(row->model->setting, row->option->key);

    return value ? value : "";
}

char *
row_mistake(const Row *row) {
    const char *value = value_of(row);

    if (!*value && row->option->required && !row->option->secret && !*row->option->def)
        return g_strdup_printf("the option %s is missing; it takes %s", row->option->key, row->option->allowed);
    return option_check(row->option, value);
}

/* keep: has the model and the message below the field be those of a new value. What is still
 * empty is not told off, only refused when the connection is saved. */
static void
keep(Row *row, const char *value) {
    NMSettingVpn *setting = row->model->setting;
    const char *key = row->option->key;
    g_autofree char *mistake = NULL;

    if (!row->option->secret && *value)
        nm_setting_vpn_add_data_item(setting, key, value);
    else if (!row->option->secret)
        nm_setting_vpn_remove_data_item(setting, key);
    else if (*value)
        nm_setting_vpn_add_secret(setting, key, value);
    else
        nm_setting_vpn_remove_secret(setting, key);
    mistake = option_check(row->option, value);
    gtk_label_set_text(GTK_LABEL(row->mistake), mistake ? mistake : "");
    gtk_widget_set_visible(row->mistake, mistake != NULL);
    if (row->entry)
        add_class(row->entry, "error", mistake != NULL);
    row->model->changed(row, row->model->user);
}

static void
typed(GtkWidget *entry, Row *row) {
    g_autofree char *text = g_strdup(entry_text(entry));

    keep(row, row->option->secret ? text : g_strstrip(text));
}

static GtkWidget *
new_entry(Row *row) {
    GtkWidget *entry = gtk_entry_new();

    row->entry = entry;
    entry_set_text(entry, value_of(row));
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), row->option->def);
    gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
    gtk_widget_set_hexpand(entry, TRUE);
    return entry;
}

static GtkWidget *
text_field(Row *row) {
    GtkWidget *entry = new_entry(row);

    g_signal_connect(entry, "changed", G_CALLBACK(typed), row);
    return entry;
}

/* Secrets: the menu of where one is kept belongs to NetworkManager's own library, which writes the
 * flags into the setting. */

static void
stored(GtkWidget *entry, GParamSpec *spec, Row *row) {
    row->model->changed(row, row->model->user);
}

static GtkWidget *
secret_field(Row *row) {
    GtkWidget *entry = new_entry(row);
    NMSetting *setting = NM_SETTING(row->model->setting);
    NMSettingSecretFlags flags = NM_SETTING_SECRET_FLAG_NONE;

    nm_setting_get_secret_flags(setting, row->option->key, &flags, NULL);
    gtk_entry_set_visibility(GTK_ENTRY(entry), FALSE);
    gtk_entry_set_input_purpose(GTK_ENTRY(entry), GTK_INPUT_PURPOSE_PASSWORD);
    nma_utils_setup_password_storage(entry, flags, setting, row->option->key, TRUE, FALSE);
    g_signal_connect(entry, "changed", G_CALLBACK(typed), row);
    g_signal_connect(entry, "notify::secondary-icon-name", G_CALLBACK(stored), row);
    return entry;
}

void
row_reveal(Row *row, gboolean readable) {
    if (row->option->secret && row->entry)
        gtk_entry_set_visibility(GTK_ENTRY(row->entry), readable);
}

/* Switches: the default is no value. */

static gboolean
is_true(const char *text) {
    return !g_ascii_strcasecmp(text, "true") || !g_ascii_strcasecmp(text, "yes") || !g_ascii_strcasecmp(text, "on") ||
           !strcmp(text, "1");
}

static void
switched(GtkWidget *field, GParamSpec *spec, Row *row) {
    gboolean on = gtk_switch_get_active(GTK_SWITCH(field));

    keep(row, on == is_true(row->option->def) ? "" : on ? "true" : "false");
}

static GtkWidget *
switch_field(Row *row) {
    GtkWidget *field = gtk_switch_new();
    const char *value = value_of(row);

    gtk_switch_set_active(GTK_SWITCH(field), is_true(*value ? value : row->option->def));
    gtk_widget_set_halign(field, GTK_ALIGN_START);
    gtk_widget_set_valign(field, GTK_ALIGN_CENTER);
    g_signal_connect(field, "notify::active", G_CALLBACK(switched), row);
    return field;
}

/* Choices: the default is no value; a value that is no choice is shown, and told to be wrong. */

static void
chosen(GtkWidget *field, GParamSpec *spec, Row *row) {
    const char *id = choice_id(field);

    keep(row, !id || !strcmp(id, row->option->def) ? "" : id);
}

static GtkWidget *
choice_field(Row *row) {
    GtkWidget *field = choice_new();
    const char *value = *value_of(row) ? value_of(row) : row->option->def;

    if (!*row->option->def)
        choice_add(field, "", "");
    for (char **choice = row->option->choices; *choice; choice++)
        choice_add(field, *choice, *choice);
    if (!choice_take(field, value)) {
        choice_add(field, value, value);
        choice_take(field, value);
    }
    g_signal_connect(field, CHOICE_CHANGED, G_CALLBACK(chosen), row);
    return field;
}

/* Files: a path, or a token's URI, that is typed or chosen. */

static void
opened(GtkNativeDialog *dialog, int response, Row *row) {
    g_autoptr(GFile) file = NULL;
    g_autofree char *path = NULL;

    if (response == GTK_RESPONSE_ACCEPT)
        file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
    if (file)
        path = g_file_get_path(file);
    if (path)
        entry_set_text(row->entry, path);
    gtk_native_dialog_destroy(dialog);
}

static void
end_dialog(gpointer dialog) {
    gtk_native_dialog_destroy(dialog);
    g_object_unref(dialog);
}

static void
open_file(GtkWidget *button, Row *row) {
    GtkFileChooserNative *dialog = gtk_file_chooser_native_new(row->option->label, window_of(button),
                                                               GTK_FILE_CHOOSER_ACTION_OPEN, "_Open", "_Cancel");

    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(dialog), TRUE);
    g_signal_connect(dialog, "response", G_CALLBACK(opened), row);
    /* the dialog ends with the field that asked for it */
    g_object_set_data_full(G_OBJECT(row->entry), "penstock-dialog", dialog, end_dialog);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog));
}

static GtkWidget *
file_field(Row *row) {
    GtkWidget *field = gtk_grid_new();
    g_autofree char *name = g_strdup_printf("Choose a file: %s", row->option->label);

    row->button = gtk_button_new_with_label("Choose…");
    gtk_grid_set_column_spacing(GTK_GRID(field), 6);
    gtk_grid_attach(GTK_GRID(field), text_field(row), 0, 0, 1, 1);
    gtk_grid_attach(GTK_GRID(field), row->button, 1, 0, 1, 1);
    call(row->button, name);
    g_signal_connect(row->button, "clicked", G_CALLBACK(open_file), row);
    return field;
}

static GtkWidget *
field_new(Row *row) {
    if (row->option->secret)
        return secret_field(row);
    switch (row->option->type) {
    case OPTION_BOOL:
        return switch_field(row);
    case OPTION_ENUM:
        return choice_field(row);
    case OPTION_FILE:
        return file_field(row);
    default:
        return text_field(row);
    }
}

/* A window that is closed takes its widgets along, also while the row is still there. */

static void
keep_widget(GtkWidget *widget, Row *row) {
    g_object_ref(widget);
}

static void
leave_widget(GtkWidget *widget, Row *row) {
    g_signal_handlers_disconnect_by_data(widget, row);
    g_object_unref(widget);
}

static void
each_widget(Row *row, void (*visit)(GtkWidget *widget, Row *row)) {
    GtkWidget *const all[] = {row->label, row->mistake, row->field, row->button, row->entry};

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i])
            visit(all[i], row);
    }
}

Row *
row_new(const Option *option, RowModel *model, GtkGrid *grid, int line) {
    Row *row = g_new0(Row, 1);

    row->option = option;
    row->model = model;
    row->label = gtk_label_new(option->label);
    row->mistake = gtk_label_new("");
    row->field = field_new(row);
    label_of(row->label, row->entry ? row->entry : row->field);
    gtk_label_set_xalign(GTK_LABEL(row->label), 1);
    gtk_label_set_xalign(GTK_LABEL(row->mistake), 0);
    wrap(row->mistake);
    gtk_label_set_max_width_chars(GTK_LABEL(row->mistake), 50);
    add_class(row->mistake, "error", TRUE);
    gtk_widget_set_tooltip_text(row->label, option->help);
    gtk_widget_set_tooltip_text(row->field, option->help);
    gtk_grid_attach(grid, row->label, 0, line, 1, 1);
    gtk_grid_attach(grid, row->field, 1, line, 1, 1);
    gtk_grid_attach(grid, row->mistake, 1, line + 1, 1, 1);
    each_widget(row, keep_widget);
    return row;
}

void
row_free(Row *row) {
    if (row->entry)
        g_object_set_data(G_OBJECT(row->entry), "penstock-dialog", NULL);
    each_widget(row, leave_widget);
    g_free(row);
}

void
row_set_visible(Row *row, gboolean visible) {
    g_autofree char *mistake = option_check(row->option, value_of(row));

    gtk_widget_set_visible(row->label, visible);
    gtk_widget_set_visible(row->field, visible);
    gtk_widget_set_visible(row->mistake, visible && mistake);
    if (mistake)
        gtk_label_set_text(GTK_LABEL(row->mistake), mistake);
}
