// The rights that lockdown takes from root, and the two places that show it.
#include "tracers/kernel/capability.h"

#include "test/catch.h"

namespace anonvma::test {

TEST_CASE("lockdown=confidentiality is seen in securityfs, or on the command line",
          "[capability]") {
  CHECK(is_locked_down("none integrity [confidentiality]", ""));
  CHECK_FALSE(is_locked_down("none [integrity] confidentiality", ""));
  CHECK_FALSE(is_locked_down("[none] integrity confidentiality", ""));
  CHECK_FALSE(is_locked_down("", ""));
  CHECK(is_locked_down("", "quiet lockdown=confidentiality\n"));
  CHECK(is_locked_down("", "lockdown=integrity  lockdown=confidentiality panic=1"));
  CHECK_FALSE(is_locked_down("", "lockdown=confidentiality lockdown=integrity"));
  CHECK_FALSE(is_locked_down("", "nolockdown=confidentiality lockdown=confidential"));
  // securityfs wins over the older command line.
  CHECK_FALSE(is_locked_down("[none] integrity confidentiality", "lockdown=confidentiality"));
}

}  // namespace anonvma::test
