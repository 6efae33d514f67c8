/* One option in the editor: its label, what takes its value, and what is wrong with that. */
#pragma once

#include <NetworkManager.h>

#include "schema.h"
#include "toolkit.h"

typedef struct Row Row;

/* The model of all rows is a VPN setting: options are its data, secrets its secrets. */
typedef struct {
    NMSettingVpn *setting;
    void (*changed)(Row *row, gpointer user); /* the setting has the new value */
    gpointer user;
} RowModel;

struct Row {
    const Option *option;
    RowModel *model;
    GtkWidget *label, *field, *mistake;
    GtkWidget *entry, *button; /* parts of field: typed into, pressed; or NULL */
};

/* row_new: draws the option into a grid, at a line and the one below it. */
Row *row_new(const Option *option, RowModel *model, GtkGrid *grid, int line);

/* row_free: the widgets belong to the grid. */
void row_free(Row *row);

/* row_mistake: what is wrong with the value, to be freed, or NULL. */
char *row_mistake(const Row *row);

void row_set_visible(Row *row, gboolean visible);

/* row_reveal: has a secret be readable. */
void row_reveal(Row *row, gboolean readable);
