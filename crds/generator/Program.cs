using DaprK8s.Generator;

// make generate: writes every generated file of the repository; prints those that changed.
var root = args is [var given] ? given : Repository.FindRoot(Environment.CurrentDirectory);
foreach (var (path, content) in GeneratedFiles.All())
{
    var file = Path.Combine(root, path);
    if (File.Exists(file) && File.ReadAllText(file) == content)
    {
        continue;
    }

    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    File.WriteAllText(file, content);
    Console.WriteLine(path);
}

return 0;
