#ifndef C_BUILD_INFO_H
#define C_BUILD_INFO_H

/// The git commit this binary was built from, or "unknown" outside a checkout. A C target of its
/// own because a Swift target cannot be given a string at build time, and so that a new commit
/// recompiles these few lines only.
const char *_Nonnull socket_exporter_revision(void);

#endif
