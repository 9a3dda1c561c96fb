// The arguments of one traced system call as an event.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/trace/event.h"
#include "tracers/convert/address_map.h"
#include "tracers/records.h"

namespace anonvma {

// Returns nothing if the call took the lock and changed nothing: then only its lock number counts.
// Returns UnknownWrite if the record does not tell what the call has changed.
std::optional<EventBody> convert_syscall(const anonvma_op_record& record, AddressMap& addresses,
                                         std::uint64_t page_size);

}  // namespace anonvma
