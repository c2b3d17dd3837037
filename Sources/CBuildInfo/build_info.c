#include "CBuildInfo.h"

const char *socket_exporter_revision(void) { return SOCKET_EXPORTER_REVISION; }
