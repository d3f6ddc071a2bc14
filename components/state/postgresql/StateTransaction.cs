using Npgsql;

namespace DaprK8s.Components.State.PostgreSql;

/// <summary>
/// Turns state operations into statements, and the number of rows that these met into success or failure; the same for one
/// operation alone and for many in a transaction.
/// </summary>
internal sealed class StateTransaction
{
    private readonly StateTable table;
    private readonly StateOperation[] operations;

    /// <summary>Prepares a transaction.</summary>
    public StateTransaction(StateTable table, IReadOnlyList<StateOperation> operations)
    {
        this.table = table;

        // Operations on different keys do not see each other, and those on one key keep their order. Every transaction that
        // takes its rows in the order of their keys, though, cannot come to wait for another one in a circle.
        this.operations = [.. operations.OrderBy(o => o.Key, StringComparer.Ordinal)];
    }

    /// <summary>Adds the statements of all operations.</summary>
    public void Fill(NpgsqlBatch batch)
    {
        foreach (var operation in operations)
        {
            var command = new NpgsqlBatchCommand();
            command.CommandText = Bind(table, operation, command.Parameters);
            batch.BatchCommands.Add(command);
            if (operation is StateAssert { HasETag: false })
            {
                // The row that reserved the key must go again; until the transaction ends, its index entry keeps others out.
                var release = new NpgsqlBatchCommand(table.Delete);
                StateTable.BindKey(release.Parameters, operation.Key);
                batch.BatchCommands.Add(release);
            }
        }
    }

    /// <summary>Throws unless every operation met the row it expected.</summary>
    public void Check(NpgsqlBatch batch)
    {
        var statement = 0;
        foreach (var operation in operations)
        {
            CheckRows(operation, (int)batch.BatchCommands[statement].Rows);
            statement += operation is StateAssert { HasETag: false } ? 2 : 1;
        }
    }

    /// <summary>Whether an operation's outcome depends on the row that it meets.</summary>
    public static bool IsConditional(StateOperation operation)
        => operation.HasETag || operation is StateSet { Concurrency: StateConcurrency.FirstWrite };

    /// <summary>Chooses the statement of an operation and binds its parameters.</summary>
    public static string Bind(StateTable table, StateOperation operation, NpgsqlParameterCollection parameters)
    {
        switch (operation)
        {
            case StateSet set:
                RequireKey(set, "set");
                table.BindWrite(parameters, set);
                if (set.HasETag)
                {
                    table.BindETag(parameters, set.ETag!);
                    return table.UpdateMatching;
                }

                return set.Concurrency == StateConcurrency.FirstWrite ? table.InsertNew : table.Upsert;

            case StateDelete or StateAssert:
                RequireKey(operation, operation is StateDelete ? "delete" : "assert");
                StateTable.BindKey(parameters, operation.Key);
                if (operation.HasETag)
                {
                    table.BindETag(parameters, operation.ETag!);
                    return operation is StateDelete ? table.DeleteMatching : table.LockMatching;
                }

                return operation is StateDelete ? table.Delete : table.Reserve;

            default:
                throw new ArgumentException($"unknown state operation {operation.GetType().Name}");
        }
    }

    /// <summary>Throws when a statement met no row though its operation depends on one.</summary>
    public static void CheckRows(StateOperation operation, int rows)
    {
        if (rows > 0)
        {
            return;
        }

        if (operation.HasETag || operation is StateAssert)
        {
            throw new ETagMismatchException();
        }

        if (operation is StateSet)
        {
            throw new ETagMismatchException("no item was updated");
        }
    }

    private static void RequireKey(StateOperation operation, string name)
    {
        if (operation.Key.Length == 0)
        {
            throw new ArgumentException($"missing key in {name} operation");
        }
    }
}
