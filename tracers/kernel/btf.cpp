#include "tracers/kernel/btf.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace anonvma {
namespace {

const btf_type* skip_modifiers(const btf* b, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(b, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type))) type = btf__type_by_id(b, type->type);
  return type;
}

// The type of the member; null if there is no member of this name.
const btf_type* find_member(const btf* b, const btf_type* type, std::string_view name) {
  const btf_member* const members = btf_members(type);
  for (int i = 0; i < btf_vlen(type); ++i) {
    const std::string_view member = btf__name_by_offset(b, members[i].name_off);
    const btf_type* const inner = skip_modifiers(b, members[i].type);
    if (!inner) continue;
    if (member == name) return inner;
    if (!member.empty() || !btf_is_composite(inner)) continue;
    if (const btf_type* const found = find_member(b, inner, name)) return found;
  }
  return nullptr;
}

const btf_type* find_struct(const btf* b, std::string_view name) {
  const int id = btf__find_by_name_kind(b, std::string(name).c_str(), BTF_KIND_STRUCT);
  return id < 0 ? nullptr : btf__type_by_id(b, static_cast<std::uint32_t>(id));
}

// void (*btf_trace_NAME)(void *context, ...)
const btf_type* find_tracepoint(const btf* b, std::string_view name) {
  const std::string type_name = fmt::format("btf_trace_{}", name);
  const int id = btf__find_by_name_kind(b, type_name.c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return nullptr;
  const btf_type* type = skip_modifiers(b, static_cast<std::uint32_t>(id));
  if (type && btf_is_ptr(type)) type = btf__type_by_id(b, type->type);
  return type && btf_is_func_proto(type) ? type : nullptr;
}

// The name of a type, or of the type that a pointer points to. A typedef has its own name.
std::string_view type_name(const btf* b, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(b, id);
  while (type && (btf_is_mod(type) || btf_is_ptr(type))) type = btf__type_by_id(b, type->type);
  return type ? btf__name_by_offset(b, type->name_off) : "";
}

const btf_type* find_function(const btf* b, std::string_view name) {
  const int id = btf__find_by_name_kind(b, std::string(name).c_str(), BTF_KIND_FUNC);
  if (id < 0) return nullptr;
  return btf__type_by_id(b, btf__type_by_id(b, static_cast<std::uint32_t>(id))->type);
}

bool takes(const btf* b, const btf_type* prototype, std::string_view type) {
  for (int i = 0; prototype && i < btf_vlen(prototype); ++i)
    if (type_name(b, btf_params(prototype)[i].type) == type) return true;
  return false;
}

}  // namespace

void KernelBtf::Free::operator()(btf* b) const { btf__free(b); }

std::string btf_path() {
  const char* const given = std::getenv("ANONVMA_BTF");
  return given && *given ? given : "/sys/kernel/btf/vmlinux";
}

Result<KernelBtf> KernelBtf::load() { return load(btf_path()); }

Result<KernelBtf> KernelBtf::load(const std::string& path) {
  btf* const b = access(path.c_str(), R_OK) == 0 ? btf__parse(path.c_str(), nullptr) : nullptr;
  if (!b)
    return Error{ErrorCode::not_supported,
                 fmt::format("{}: no kernel type information (BTF): record on a kernel built with "
                             "CONFIG_DEBUG_INFO_BTF=y",
                             path)};
  return KernelBtf(b);
}

int KernelBtf::tracepoint_parameters(std::string_view name) const {
  const btf_type* const type = find_tracepoint(btf_.get(), name);
  return type ? btf_vlen(type) - 1 : -1;
}

bool KernelBtf::tracepoint_takes(std::string_view name, std::string_view type) const {
  return takes(btf_.get(), find_tracepoint(btf_.get(), name), type);
}

int KernelBtf::function_parameters(std::string_view name) const {
  const btf_type* const prototype = find_function(btf_.get(), name);
  return prototype ? btf_vlen(prototype) : -1;
}

bool KernelBtf::function_takes(std::string_view name, std::string_view type) const {
  return takes(btf_.get(), find_function(btf_.get(), name), type);
}

std::uint64_t KernelBtf::struct_size(std::string_view name) const {
  const btf_type* const type = find_struct(btf_.get(), name);
  return type ? type->size : 0;
}

std::vector<std::string> KernelBtf::members(std::string_view struct_name) const {
  std::vector<std::string> names;
  const btf_type* const type = find_struct(btf_.get(), struct_name);
  for (int i = 0; type && i < btf_vlen(type); ++i)
    names.emplace_back(btf__name_by_offset(btf_.get(), btf_members(type)[i].name_off));
  return names;
}

bool KernelBtf::has_member(std::string_view struct_name, std::string_view member) const {
  const btf_type* type = find_struct(btf_.get(), struct_name);
  while (type && btf_is_composite(type)) {
    const auto dot = std::min(member.find('.'), member.size());
    type = find_member(btf_.get(), type, member.substr(0, dot));
    if (dot == member.size()) return type != nullptr;
    member.remove_prefix(dot + 1);
  }
  return false;
}

bool KernelBtf::has_typedef(std::string_view name) const {
  return btf__find_by_name_kind(btf_.get(), std::string(name).c_str(), BTF_KIND_TYPEDEF) > 0;
}

std::optional<std::int64_t> KernelBtf::enumerator(std::string_view enum_name,
                                                  std::string_view name) const {
  const int id = btf__find_by_name_kind(btf_.get(), std::string(enum_name).c_str(), BTF_KIND_ENUM);
  if (id < 0) return std::nullopt;
  const btf_type* const type = btf__type_by_id(btf_.get(), static_cast<std::uint32_t>(id));
  const struct btf_enum* const values = btf_enum(type);
  const auto found =
      std::find_if(values, values + btf_vlen(type), [&](const struct btf_enum& value) {
        return btf__name_by_offset(btf_.get(), value.name_off) == name;
      });
  if (found == values + btf_vlen(type)) return std::nullopt;
  return found->val;
}

}  // namespace anonvma
