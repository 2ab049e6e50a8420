#include "bw/process.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "cli/shared_state.hpp"

// Tests of the room process besides the supervisor: shared memory, the flag of a worker's parent, retirement,
// cores.
namespace bw {
namespace {

TEST(SharedMemory, IsZeroAndSeenByEveryProcessThatMapsIt) {
    const SharedMemory<SlotTable> mine;
    const SharedMemory<SlotTable> other(mine.descriptor());
    EXPECT_EQ(mine->slots[kMaxWorkers - 1].alive_ms, 0);
    other->slots[kMaxWorkers - 1].say_alive();
    EXPECT_NE(mine->slots[kMaxWorkers - 1].alive_ms, 0);
}

TEST(SharedMemory, CannotBeTakenFromTheOthers) {
    const SharedMemory<SlotTable> memory;
    EXPECT_NE(::ftruncate(memory.descriptor(), 0), 0);
    EXPECT_NE(::ftruncate(memory.descriptor(), 2 * sizeof(SlotTable)), 0);
    memory->workers = 1;
}

TEST(Slot, RemembersThatAWorkerWasReadyWhenItIsCleared) {
    Slot slot;
    slot.say_alive();
    slot.clear();
    EXPECT_TRUE(slot.was_ready);
    EXPECT_EQ(slot.alive_ms, 0);
}

TEST(SlotTable, HasNoMoreSlotsInUseThanThereAre) {
    const SharedMemory<SlotTable> table;
    table->workers = 3;
    EXPECT_EQ(table->in_use().size(), 3U);
    table->workers = kMaxWorkers + 1;
    EXPECT_EQ(table->in_use().size(), kMaxWorkers);
}

// Slots that are not in use do not count, whatever they hold.
TEST(SlotTable, IsSummedUpForThePage) {
    SlotTable table;
    table.workers = 3;
    table.slots[0].connected = table.slots[1].connected = table.slots[3].connected = true;
    table.slots[2].jobs_in_hand = 1;
    const auto gauges = cli::read_gauges(table);
    EXPECT_EQ(gauges.workers, 3U);
    EXPECT_EQ(gauges.workers_connected, 2U);
    EXPECT_EQ(gauges.jobs_in_hand, 1U);
}

TEST(Retirement, IsDueAfterSoManyJobs) {
    Retirement never(0, 0);
    Retirement third(3, 0);
    EXPECT_FALSE(never.due_after_job());
    EXPECT_FALSE(third.due_after_job());
    EXPECT_FALSE(third.due_after_job());
    EXPECT_TRUE(third.due_after_job());
}

TEST(Retirement, IsDueWithSoMuchMemory) {
    EXPECT_TRUE(Retirement(0, 1).due_after_job());
    EXPECT_FALSE(Retirement(0, std::uint64_t{1} << 50).due_after_job());
    Retirement large(0, std::uint64_t{300} << 20);
    EXPECT_FALSE(large.due_after_job());
    const std::vector<char> resident(std::size_t{300} << 20, 'x');
    const char* volatile used = resident.data();  // or clang does without the memory
    EXPECT_TRUE(large.due_after_job()) << *used;
}

TEST(Supervised, IsReadBack) {
    const auto told = read_supervised("3:255");
    ASSERT_TRUE(told);
    EXPECT_EQ(told->memory, 3);
    EXPECT_EQ(told->slot, 255U);
    for (const char* text : {"", "3", "3:", ":1", "3:256", "-1:0", "3:1x", "x:1", "3:-1"}) {
        EXPECT_FALSE(read_supervised(text)) << text;
    }
}

// A file system with nothing but cgroups.
class UsableCores : public testing::Test {
  protected:
    UsableCores() { std::filesystem::remove_all(root_); }
    ~UsableCores() override { std::filesystem::remove_all(root_); }

    void write(const std::string& name, const std::string& text) const {
        const std::filesystem::path file = root_ + "/" + name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    std::size_t cores() const { return usable_cores(root_); }

    const std::string root_ = testing::TempDir() + "bw-cores-" + std::to_string(::getpid());
};

TEST_F(UsableCores, AreThoseOfTheAffinityWithoutALimit) {
    cpu_set_t all;
    ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
    EXPECT_EQ(cores(), static_cast<std::size_t>(CPU_COUNT(&all)));
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/cpu.max", "max 100000\n");
    EXPECT_EQ(cores(), static_cast<std::size_t>(CPU_COUNT(&all)));
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0; CPU_COUNT(&one) == 0; ++core) {
        if (CPU_ISSET(core, &all)) CPU_SET(core, &one);
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(cores(), 1U);
    ::sched_setaffinity(0, sizeof all, &all);
}

// Only a machine of at least two cores can tell these limits from the affinity. A limit under one core still
// means one worker.
TEST_F(UsableCores, AreBoundedByTheGroupOrOneAboveIt) {
    write("proc/self/cgroup", "0::/pods/this\n");
    write("sys/fs/cgroup/pods/this/cpu.max", "max 100000\n");
    write("sys/fs/cgroup/pods/cpu.max", "190000 100000\n");
    EXPECT_EQ(cores(), 1U);
    write("sys/fs/cgroup/pods/cpu.max", "max 100000\n");
    write("sys/fs/cgroup/pods/this/cpu.max", "50000 100000\n");
    EXPECT_EQ(cores(), 1U);
}

TEST_F(UsableCores, AreBoundedInAContainerThatHasItsGroupAtTheTop) {
    write("proc/self/cgroup", "0::/only/on/the/host\n");
    write("sys/fs/cgroup/cpu.max", "100000 100000\n");
    EXPECT_EQ(cores(), 1U);
}

TEST_F(UsableCores, AreBoundedByVersion1) {
    write("proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/this\n0::/\n");
    write("sys/fs/cgroup/cpu/this/cpu.cfs_period_us", "100000\n");
    write("sys/fs/cgroup/cpu/this/cpu.cfs_quota_us", "100000\n");
    EXPECT_EQ(cores(), 1U);
}

TEST_F(UsableCores, MayBeUnlimitedByVersion1) {
    write("proc/self/cgroup", "4:cpu,cpuacct:/this\n");
    const std::size_t all = cores();
    write("sys/fs/cgroup/cpu/this/cpu.cfs_period_us", "100000\n");
    write("sys/fs/cgroup/cpu/this/cpu.cfs_quota_us", "-1\n");
    EXPECT_EQ(cores(), all);
}

}  // namespace
}  // namespace bw
