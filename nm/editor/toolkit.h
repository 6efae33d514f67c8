/* What GTK 3 and GTK 4 do under different names. */
#pragma once

#include <gtk/gtk.h>

#if GTK_CHECK_VERSION(4, 0, 0)

static inline const char *
entry_text(GtkWidget *entry) {
    return gtk_editable_get_text(GTK_EDITABLE(entry));
}

static inline void
entry_set_text(GtkWidget *entry, const char *text) {
    gtk_editable_set_text(GTK_EDITABLE(entry), text);
}

/* scrolled: a view of child that keeps the window small. */
static inline GtkWidget *
scrolled(GtkWidget *child) {
    GtkWidget *view = gtk_scrolled_window_new();

    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(view), child);
    return view;
}

/* call: what the widget is called for those who hear it. */
static inline void
call(GtkWidget *widget, const char *name) {
    gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

/* label_of: what the label says is what the widget is called. */
static inline void
label_of(GtkWidget *label, GtkWidget *widget) {
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), widget);
}

/* choice_new: takes one of some texts, each of which has an id. GTK 4's combo box is not for this: it
 * says nothing of its texts to those who hear, and the mouse's wheel changes it in passing. */
static inline GtkWidget *
choice_new(void) {
    GtkWidget *choice = gtk_drop_down_new(G_LIST_MODEL(gtk_string_list_new(NULL)), NULL);

    g_object_set_data_full(G_OBJECT(choice), "penstock-ids", gtk_string_list_new(NULL), g_object_unref);
    return choice;
}

#define CHOICE_CHANGED "notify::selected"

static inline GtkStringList *
choice_ids(GtkWidget *choice) {
    return g_object_get_data(G_OBJECT(choice), "penstock-ids");
}

static inline void
choice_add(GtkWidget *choice, const char *id, const char *text) {
    gtk_string_list_append(choice_ids(choice), id);
    gtk_string_list_append(GTK_STRING_LIST(gtk_drop_down_get_model(GTK_DROP_DOWN(choice))), text);
}

/* choice_id: the id of what is chosen, NULL for nothing. */
static inline const char *
choice_id(GtkWidget *choice) {
    return gtk_string_list_get_string(choice_ids(choice), gtk_drop_down_get_selected(GTK_DROP_DOWN(choice)));
}

/* choice_take: has that id be chosen; FALSE when there is none such. */
static inline gboolean
choice_take(GtkWidget *choice, const char *id) {
    const char *each;

    for (guint i = 0; (each = gtk_string_list_get_string(choice_ids(choice), i)); i++) {
        if (!strcmp(each, id)) {
            gtk_drop_down_set_selected(GTK_DROP_DOWN(choice), i);
            return TRUE;
        }
    }
    return FALSE;
}

static inline GtkWindow *
window_of(GtkWidget *widget) {
    GtkRoot *root = gtk_widget_get_root(widget);

    return GTK_IS_WINDOW(root) ? GTK_WINDOW(root) : NULL;
}

static inline void
add_class(GtkWidget *widget, const char *name, gboolean on) {
    (on ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(widget, name);
}

/* show_all: shows what is in widget; who puts it somewhere shall not show more. */
static inline void
show_all(GtkWidget *widget) {
    gtk_widget_set_visible(widget, TRUE);
}

static inline void
wrap(GtkWidget *label) {
    gtk_label_set_wrap(GTK_LABEL(label), TRUE);
}

#else

static inline const char *
entry_text(GtkWidget *entry) {
    return gtk_entry_get_text(GTK_ENTRY(entry));
}

static inline void
entry_set_text(GtkWidget *entry, const char *text) {
    gtk_entry_set_text(GTK_ENTRY(entry), text);
}

static inline GtkWidget *
scrolled(GtkWidget *child) {
    GtkWidget *view = gtk_scrolled_window_new(NULL, NULL);

    gtk_container_add(GTK_CONTAINER(view), child);
    return view;
}

static inline void
call(GtkWidget *widget, const char *name) {
    atk_object_set_name(gtk_widget_get_accessible(widget), name);
}

static inline void
label_of(GtkWidget *label, GtkWidget *widget) {
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), widget);
    call(widget, gtk_label_get_text(GTK_LABEL(label)));
}

static inline GtkWidget *
choice_new(void) {
    return gtk_combo_box_text_new();
}

#define CHOICE_CHANGED "notify::active-id"

static inline void
choice_add(GtkWidget *choice, const char *id, const char *text) {
    gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(choice), id, text);
}

static inline const char *
choice_id(GtkWidget *choice) {
    return gtk_combo_box_get_active_id(GTK_COMBO_BOX(choice));
}

static inline gboolean
choice_take(GtkWidget *choice, const char *id) {
    return gtk_combo_box_set_active_id(GTK_COMBO_BOX(choice), id);
}

static inline GtkWindow *
window_of(GtkWidget *widget) {
    GtkWidget *top = gtk_widget_get_toplevel(widget);

    return GTK_IS_WINDOW(top) ? GTK_WINDOW(top) : NULL;
}

static inline void
add_class(GtkWidget *widget, const char *name, gboolean on) {
    GtkStyleContext *style = gtk_widget_get_style_context(widget);

    (on ? gtk_style_context_add_class : gtk_style_context_remove_class)(style, name);
}

static inline void
show_all(GtkWidget *widget) {
    gtk_widget_set_no_show_all(widget, FALSE);
    gtk_widget_show_all(widget);
    gtk_widget_set_no_show_all(widget, TRUE);
}

static inline void
wrap(GtkWidget *label) {
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
}

#endif
