#ifndef C_MICRO_HTTP_H
#define C_MICRO_HTTP_H
#endif
