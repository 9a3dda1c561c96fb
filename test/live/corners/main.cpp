// Usage: live_corners NAME | --list | --bystander SOCKET
// One corner case of address spaces per run: small, finite and the same each time, except for the
// interleaving of its threads and processes. Status 77: it cannot be tried here.
#include <cstdio>
#include <string_view>

#include "bystander.h"
#include "corner.h"
#include "families.h"

namespace {

constexpr corners::Scenario kScenarios[] = {
    {"uffd_part", corners::uffd_part},
    {"uffd_exit_open", corners::uffd_exit_open},
    {"uffd_fork", corners::uffd_fork},
    {"uffd_fork_event", corners::uffd_fork_event},
    {"uffd_mremap", corners::uffd_mremap},
    {"uffd_mremap_event", corners::uffd_mremap_event},
    {"uffd_copy_thread", corners::uffd_copy_thread},
    {"uffd_zero_thread", corners::uffd_zero_thread},
    {"uffd_fault", corners::uffd_fault},
    {"uffd_copy_foreign", corners::uffd_copy_foreign},
    {"uffd_close_foreign", corners::uffd_close_foreign},
    {"uffd_wp", corners::uffd_wp},
    {"uffd_shmem_minor", corners::uffd_shmem_minor},
    {"uffd_move", corners::uffd_move},
    {"names_merge", corners::names_merge},
    {"names_beside", corners::names_beside},
    {"names_break_and_stack", corners::names_break_and_stack},
    {"names_move", corners::names_move},
    {"names_half_way", corners::names_half_way},
    {"names_shared", corners::names_shared},
    {"names_and_userfaultfd", corners::names_and_userfaultfd},
    {"names_at_the_limit", corners::names_at_the_limit},
    {"names_in_threads", corners::names_in_threads},
    {"mbind_parts", corners::mbind_parts},
    {"mbind_fork", corners::mbind_fork},
    {"mbind_merges", corners::mbind_merges},
    {"home_node", corners::home_node},
    {"task_policy", corners::task_policy},
    {"shm_twice", corners::shm_twice},
    {"shm_split", corners::shm_split},
    {"shm_over", corners::shm_over},
    {"shm_exit_attached", corners::shm_exit_attached},
    {"aio_ring", corners::aio_ring},
    {"aio_ring_moved", corners::aio_ring_moved},
    {"uring_inline", corners::uring_inline},
    {"uring_async", corners::uring_async},
    {"uring_buffers", corners::uring_buffers},
    {"uring_polled", corners::uring_polled},
    {"perf_ring", corners::perf_ring},
    {"advise_self", corners::advise_self},
    {"advise_peer", corners::advise_peer},
    {"uprobes_of_family", corners::uprobes_of_family},
    {"uprobes_of_exec", corners::uprobes_of_exec},
    {"poke", corners::poke},
    {"vm_write", corners::vm_write},
    {"proc_mem", corners::proc_mem},
    {"peer_stack", corners::peer_stack},
    {"direct_read", corners::direct_read},
    {"plain_read", corners::plain_read},
    {"futex_shared", corners::futex_shared},
    {"splices", corners::splices},
    {"socket_read", corners::socket_read},
    {"vfork_exec", corners::vfork_exec},
    {"spawn_many", corners::spawn_many},
    {"clone_vm", corners::clone_vm},
    {"clone_vm_exec", corners::clone_vm_exec},
    {"clone_vm_outlives", corners::clone_vm_outlives},
    {"exec_from_thread", corners::exec_from_thread},
    {"exec_fails", corners::exec_fails},
    {"exec_fails_late", corners::exec_fails_late},
    {"fork_fails", corners::fork_fails},
    {"fork_fails_beside", corners::fork_fails_beside},
    {"fork_over_limit", corners::fork_over_limit},
    {"fork_many_vmas", corners::fork_many_vmas},
    {"threads_exit_group", corners::threads_exit_group},
    {"leader_exits_first", corners::leader_exits_first},
    {"clear_refs", corners::clear_refs},
    {"read_while_exiting", corners::read_while_exiting},
    {"mem_held_open", corners::mem_held_open},
    {"core_dump", corners::core_dump},
    {"huge_tlb", corners::huge_tlb},
    {"huge_tlb_half", corners::huge_tlb_half},
    {"huge_tlb_fork", corners::huge_tlb_fork},
    {"memfds", corners::memfds},
    {"secret_memory", corners::secret_memory},
    {"droppable", corners::droppable},
    {"devices", corners::devices},
    {"anonymous_offsets", corners::anonymous_offsets},
    {"guards", corners::guards},
    {"seals", corners::seals},
    {"seal_discard", corners::seal_discard},
    {"thp_fault", corners::thp_fault},
    {"thp_read_first", corners::thp_read_first},
    {"thp_unaligned", corners::thp_unaligned},
    {"thp_collapse", corners::thp_collapse},
    {"thp_disabled", corners::thp_disabled},
    {"ksm_prctl", corners::ksm_prctl},
    {"ksm_advice", corners::ksm_advice},
    {"fork_advice", corners::fork_advice},
    {"lock_all_now", corners::lock_all_now},
    {"lock_all_future", corners::lock_all_future},
    {"lock_all_both", corners::lock_all_both},
    {"lock_all_on_fault", corners::lock_all_on_fault},
    {"lock_parts", corners::lock_parts},
    {"lock_read_only", corners::lock_read_only},
    {"lock_limit", corners::lock_limit},
    {"map_locked", corners::map_locked},
    {"break_generations", corners::break_generations},
    {"break_shrinks", corners::break_shrinks},
    {"break_moved", corners::break_moved},
    {"stack_grows", corners::stack_grows},
    {"stack_grows_in_kernel", corners::stack_grows_in_kernel},
    {"stack_by_signal", corners::stack_by_signal},
    {"grows_down", corners::grows_down},
    {"grows_near_neighbour", corners::grows_near_neighbour},
    {"grows_locked", corners::grows_locked},
    {"stack_limit", corners::stack_limit},
    {"thread_stacks", corners::thread_stacks},
    {"read_implies_exec", corners::read_implies_exec},
    {"protection_keys", corners::protection_keys},
    {"protect_failures", corners::protect_failures},
    {"harmless_calls", corners::harmless_calls},
    {"exec_gain_refused", corners::exec_gain_refused},
    {"exec_gain_refused_in_threads", corners::exec_gain_refused_in_threads},
    {"map_count_reached", corners::map_count_reached},
    {"split_once", corners::split_once},
    {"size_limit", corners::size_limit},
    {"no_replace", corners::no_replace},
    {"overcommit_strict", corners::overcommit_strict},
    {"absurd_lengths", corners::absurd_lengths},
    {"move_basics", corners::move_basics},
    {"move_beside", corners::move_beside},
    {"move_many", corners::move_many},
    {"move_interrupted", corners::move_interrupted},
    {"move_many_fails", corners::move_many_fails},
    {"move_dont_unmap", corners::move_dont_unmap},
    {"move_duplicates", corners::move_duplicates},
    {"move_over_neighbour", corners::move_over_neighbour},
    {"move_accounting", corners::move_accounting},
    {"file_pages", corners::file_pages},
    {"move_vdso", corners::move_vdso},
    {"calls32", corners::calls32},
    {"fork32", corners::fork32},
    {"threads32", corners::threads32},
    {"mixed_threads", corners::mixed_threads},
    {"first_write_race", corners::first_write_race},
    {"first_write_race_spinning", corners::first_write_race_spinning},
    {"fault_against_unmap", corners::fault_against_unmap},
    {"fault_against_move", corners::fault_against_move},
    {"fork_against_faults", corners::fork_against_faults},
    {"forks_in_threads", corners::forks_in_threads},
    {"stack_growth_race", corners::stack_growth_race},
    {"advise_race", corners::advise_race},
    {"unmerge_interrupted", corners::unmerge_interrupted},
    {"memory_refused", corners::memory_refused},
    {"fork_killed", corners::fork_killed},
    {"outside_poke", corners::outside_poke},
    {"outside_proc_mem", corners::outside_proc_mem},
    {"outside_vm_write", corners::outside_vm_write},
    {"outside_stack", corners::outside_stack},
    {"outside_advice", corners::outside_advice},
    {"outside_calls", corners::outside_calls},
    {"outside_kill", corners::outside_kill},
    {"outside_cpuset", corners::outside_cpuset},
    {"outside_uffd", corners::outside_uffd},
    {"oom_reaped", corners::oom_reaped},
    {"ksm_merges", corners::ksm_merges},
    {"ksm_forgets", corners::ksm_forgets},
    {"ksm_inherited", corners::ksm_inherited},
    {"ksm_unmerged", corners::ksm_unmerged},
    {"damon_advises", corners::damon_advises},
    {"khugepaged_hurries", corners::khugepaged_hurries},
    {"pages_migrate", corners::pages_migrate},
    {"answered_by_filter", corners::answered_by_filter},
    {"answered_by_trap", corners::answered_by_trap},
    {"answered_by_supervisor", corners::answered_by_supervisor},
    {"answered_by_tracer", corners::answered_by_tracer},
    {"answered_by_injection", corners::answered_by_injection},
    {"answered_forks", corners::answered_forks},
    {"calls_in_fork", corners::calls_in_fork},
    {"emulated", corners::emulated},
    {"dispatched", corners::dispatched},
    {"chain_of_six", corners::chain_of_six},
    {"chain_of_orphans", corners::chain_of_orphans},
    {"fifty_exits", corners::fifty_exits},
    {"kill_fifty", corners::kill_fifty},
    {"bushy", corners::bushy},
    {"outlives_command", corners::outlives_command},
    {"restless", corners::restless},
};

// A script records members of this family; it does not run under `record -- CMD`.
constexpr corners::Scenario kFamily = {"older_family", corners::older_family};
constexpr const char* kRecordings[] = {"family_of_root", "family_of_child", "family_of_grandchild",
                                       "family_of_second"};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--bystander") {
    corners::stand_by(argv[2]);
    return 0;
  }
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  for (const corners::Scenario& scenario : kScenarios) {
    if (wanted == "--list") std::puts(scenario.name);
    if (wanted != scenario.name) continue;
    scenario.run();
    return 0;
  }
  if (wanted == kFamily.name) {
    kFamily.run();
    return 0;
  }
  if (wanted == "--list") {
    for (const char* name : kRecordings) std::puts(name);
    return 0;
  }
  std::fprintf(stderr, "usage: %s NAME | --list | --bystander SOCKET\n", argv[0]);
  return 2;
}
