// Package desktop drives the programs of GNOME that edit NetworkManager's connections,
// as a person does: on a screen of the lab's client (Xvfb), with mouse and keyboard
// (xdotool). What is where on the screen is asked of the accessibility bus, as a screen
// reader does, so that nothing depends on themes, fonts and places.
package desktop
