/* Names that the plugin, its editors and penstock share. */
#pragma once

#define PENSTOCK_SERVICE "org.freedesktop.NetworkManager.penstock"

/* Of the user's data in a connection: what an import left out, for the editor to show. */
#define PENSTOCK_NOTES "penstock.import-notes"

#define FLAGS_SUFFIX "-flags"

/* What an editor library has: makes an editor of the connection. */
#define PENSTOCK_EDITOR_FACTORY "penstock_editor_new"
