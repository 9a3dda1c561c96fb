#include "cmd/commands.h"
namespace anonvma::cmd { int run_doctor(const DoctorOptions&) { return 0; } }
