// Package agree holds the editor's judgement of values, which is C, against the one of
// sdk/option: what is typed is judged at once, and what is saved is judged again. It has
// the editor's reader of schemas read what is none, too; both run under AddressSanitizer.
package agree
