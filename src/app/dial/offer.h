/* app/dial/offer.h - --deflate[=PARAMS]: what is offered of permessage-deflate (RFC 7692 s.7.1). */
#ifndef TB_APP_DIAL_OFFER_H
#define TB_APP_DIAL_OFFER_H

#include "app/dial/flags.h"
#include "base/bytes.h"
#include "proto/deflate.h"

/* TB_OK; TB_EINVAL, and *message says in one line what is wrong; or TB_ENOMEM. */
int offer_read(const struct dial_deflate *flags, struct ws_deflate *offer, struct bytes *message);

#endif
