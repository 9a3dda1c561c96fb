#include "tracers/btf.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace anonvma {
namespace {

const btf_type* skip_modifiers(const btf* b, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(b, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type))) type = btf__type_by_id(b, type->type);
  return type;
}

bool find_member(const btf* b, const btf_type* type, std::string_view name) {
  const btf_member* const members = btf_members(type);
  for (int i = 0; i < btf_vlen(type); ++i) {
    const std::string_view member = btf__name_by_offset(b, members[i].name_off);
    if (member == name) return true;
    if (!member.empty()) continue;
    const btf_type* const inner = skip_modifiers(b, members[i].type);
    if (inner && btf_is_composite(inner) && find_member(b, inner, name)) return true;
  }
  return false;
}

const btf_type* find_struct(const btf* b, std::string_view name) {
  const int id = btf__find_by_name_kind(b, std::string(name).c_str(), BTF_KIND_STRUCT);
  return id < 0 ? nullptr : btf__type_by_id(b, static_cast<std::uint32_t>(id));
}

}  // namespace

void KernelBtf::Free::operator()(btf* b) const { btf__free(b); }

std::string btf_path() {
  const char* const given = std::getenv("ANONVMA_BTF");
  return given && *given ? given : "/sys/kernel/btf/vmlinux";
}

Result<KernelBtf> KernelBtf::load() {
  const std::string path = btf_path();
  btf* const b = access(path.c_str(), R_OK) == 0 ? btf__parse(path.c_str(), nullptr) : nullptr;
  if (!b)
    return Error{ErrorCode::not_supported,
                 fmt::format("{}: no kernel type information (BTF): record on a kernel built with "
                             "CONFIG_DEBUG_INFO_BTF=y",
                             path)};
  return KernelBtf(b);
}

// The prototype of its probes, whose first parameter is the context.
const btf_type* KernelBtf::tracepoint(std::string_view name) const {
  const std::string type_name = fmt::format("btf_trace_{}", name);
  const int id = btf__find_by_name_kind(btf_.get(), type_name.c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return nullptr;
  const btf_type* type = skip_modifiers(btf_.get(), static_cast<std::uint32_t>(id));
  if (type && btf_is_ptr(type)) type = btf__type_by_id(btf_.get(), type->type);
  return type && btf_is_func_proto(type) ? type : nullptr;
}

int KernelBtf::tracepoint_parameters(std::string_view name) const {
  const btf_type* const type = tracepoint(name);
  return type ? btf_vlen(type) - 1 : -1;
}

bool KernelBtf::tracepoint_takes(std::string_view name, std::string_view struct_name) const {
  const btf_type* const prototype = tracepoint(name);
  for (int i = 1; prototype && i < btf_vlen(prototype); ++i) {
    const btf_type* type = skip_modifiers(btf_.get(), btf_params(prototype)[i].type);
    if (!type || !btf_is_ptr(type)) continue;
    type = skip_modifiers(btf_.get(), type->type);
    if (type && btf_is_struct(type) && struct_name == btf__name_by_offset(btf_.get(), type->name_off))
      return true;
  }
  return false;
}

bool KernelBtf::has_helper(std::string_view name) const {
  const std::string wanted = fmt::format("BPF_FUNC_{}", name);
  const int id = btf__find_by_name_kind(btf_.get(), "bpf_func_id", BTF_KIND_ENUM);
  const btf_type* const type =
      id < 0 ? nullptr : btf__type_by_id(btf_.get(), static_cast<std::uint32_t>(id));
  for (int i = 0; type && i < btf_vlen(type); ++i)
    if (wanted == btf__name_by_offset(btf_.get(), btf_enum(type)[i].name_off)) return true;
  return false;
}

int KernelBtf::function_parameters(std::string_view name) const {
  const int id = btf__find_by_name_kind(btf_.get(), std::string(name).c_str(), BTF_KIND_FUNC);
  if (id < 0) return -1;
  const btf_type* const function = btf__type_by_id(btf_.get(), static_cast<std::uint32_t>(id));
  const btf_type* const prototype = btf__type_by_id(btf_.get(), function->type);
  return prototype ? btf_vlen(prototype) : -1;
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
  const btf_type* const type = find_struct(btf_.get(), struct_name);
  return type && find_member(btf_.get(), type, member);
}

}  // namespace anonvma
