#include "base/err.h"

const char *tb_err_text(int err) {
    switch ((enum tb_err)err) {
    case TB_OK:
        return "no error";
    case TB_ENOMEM:
        return "out of memory";
    case TB_EINVAL:
        return "not a valid value";
    case TB_ERANGE:
        return "a number outside its limits";
    case TB_ESYS:
        return "the system refused";
    case TB_ECRYPTO:
        return "the cryptographic library refused";
    }
    return "an unknown error";
}
