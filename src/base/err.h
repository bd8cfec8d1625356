/* base/err.h - the errors of our own operations.
 *
 * Owns one enum and its sentences. An operation that can fail returns an int: TB_OK or one of
 * these (all negative); results come back through out-parameters. A rule that the peer broke
 * is not an error but data: see proto/violation.h.
 */
#ifndef TB_BASE_ERR_H
#define TB_BASE_ERR_H

enum tb_err {
    TB_OK = 0,
    TB_ENOMEM = -1,  /* an allocation failed; what was there before is unchanged */
    TB_EINVAL = -2,  /* a value that the caller may not pass on */
    TB_ERANGE = -3,  /* a number outside its limits */
    TB_ESYS = -4,    /* the system refused; errno says why */
    TB_ECRYPTO = -5, /* OpenSSL refused */
};

/* Returns the sentence for an error, without a full stop; never NULL. */
const char *tb_err_text(int err);

#endif
