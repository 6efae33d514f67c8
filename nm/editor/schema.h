/* The protocols that are installed and their options, as penstock prints them. */
#pragma once

#include "option.h"
#include "program.h"

typedef struct {
    char *name, *label;
    GPtrArray *options; /* of Option, in order */
} Protocol;

typedef struct {
    GPtrArray *protocols;  /* of Protocol */
    GHashTable *beginning; /* keys of vpn.data that a new connection has, text: text */
} Schema;

Schema *schema_read(GError **error);
void schema_free(Schema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Schema, schema_free)

/* schema_protocol: the one of that name, or NULL. */
const Protocol *schema_protocol(const Schema *schema, const char *name);

/* protocol_option: the one with that key, or NULL. */
const Option *protocol_option(const Protocol *protocol, const char *key);

/* schema_knows: whether any protocol has an option with that key. */
gboolean schema_knows(const Schema *schema, const char *key);
