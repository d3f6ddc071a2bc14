using System.Reflection;
using System.Text.Json.Serialization;
using k8s.Models;

namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>The schemas of the built-in kinds, read from the models of the Kubernetes client library.</summary>
internal static class ModelSchemas
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<Type, Schema> Known = [];

    /// <summary>The schema of a model.</summary>
    /// <param name="model">Its name in the library, for example <c>V1Pod</c>.</param>
    public static Schema Of(string model) => Find(model) ?? throw new ArgumentException($"no model {model}", nameof(model));

    /// <summary>The schema of a model, or nothing when there is none of that name.</summary>
    public static Schema? Find(string model)
    {
        if (typeof(V1Pod).Assembly.GetType("k8s.Models." + model) is not { } type)
        {
            return null;
        }

        lock (Gate)
        {
            return Of(type);
        }
    }

    private static Schema Of(Type type)
    {
        if (System.Nullable.GetUnderlyingType(type) is { } inner)
        {
            return Of(inner);
        }

        if (Scalar(type) is { } scalar)
        {
            return scalar;
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>))
        {
            return new Schema { Type = "array", Items = Of(type.GetGenericArguments()[0]) };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IDictionary<,>))
        {
            return new Schema { Type = "object", Values = Of(type.GetGenericArguments()[1]) };
        }

        return Known.TryGetValue(type, out var known) ? known : Fill(type);
    }

    private static Schema Fill(Type type)
    {
        var schema = new Schema
        {
            Name = "io.k8s.api." + ShortName(type.Name),
            Type = "object",
            IsAtomic = MergeStrategies.AtomicObjects.Contains(ShortName(type.Name)),
        };
        Known[type] = schema;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name is not { } name)
            {
                continue;
            }

            var member = Of(property.PropertyType);
            schema.Properties[name] = MergeStrategies.Apply(ShortName(type.Name), name, member);
        }

        return schema;
    }

    private static Schema? Scalar(Type type) => type switch
    {
        _ when type == typeof(string) => new Schema { Type = "string" },
        _ when type == typeof(bool) => new Schema { Type = "boolean" },
        _ when type == typeof(int) => new Schema { Type = "integer", Format = "int32" },
        _ when type == typeof(long) => new Schema { Type = "integer", Format = "int64" },
        _ when type == typeof(double) => new Schema { Type = "number", Format = "double" },
        _ when type == typeof(DateTime) => new Schema { Type = "string", Format = "date-time" },
        _ when type == typeof(byte[]) => new Schema { Type = "string", Format = "byte" },
        _ when type == typeof(IntOrString) => new Schema { IntOrString = true },
        _ when type == typeof(ResourceQuantity) => new Schema { Quantity = true },
        _ when type == typeof(object) => new Schema { PreservesUnknown = true },
        _ => null,
    };

    private static string ShortName(string model)
    {
        foreach (var prefix in (string[])["V1", "V2", "Corev1", "Eventsv1", "Discoveryv1", "Authenticationv1", "Storagev1", "Flowcontrolv1", "Rbacv1"])
        {
            if (model.StartsWith(prefix, StringComparison.Ordinal))
            {
                return prefix == "Eventsv1" ? "events." + model[prefix.Length..] : model[prefix.Length..];
            }
        }

        return model;
    }
}
