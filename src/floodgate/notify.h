/*
 * notify.h - tell systemd how we are (sd_notify(3)), without its library
 */
#ifndef FLOODGATE_NOTIFY_H
#define FLOODGATE_NOTIFY_H

/* "READY=1", "RELOADING=1", "STOPPING=1"; nothing where nobody listens. */
void notify(const char *state);

#endif
